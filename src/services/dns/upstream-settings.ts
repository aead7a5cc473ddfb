/** Parses the settings for upstream servers and conditional forwarding. */
import { readFile } from 'node:fs/promises'
import type { SettingsOf } from '../kit/contract.ts'
import type { Endpoint } from '../kit/endpoint.ts'
import { UsageError } from '../kit/errors.ts'
import { isWildcard } from '../kit/ip-address.ts'
import type { dns } from './contract.ts'
import { parseForwarding, type Forwarding } from './core/forwarding/routes.ts'
import { parseUpstream, type Upstream } from './core/forwarding/upstream.ts'
import { ZoneMap } from './core/forwarding/zone-map.ts'
import { parseName } from './wire/name.ts'

export interface UpstreamSettings {
  readonly upstreams: readonly Upstream[]
  readonly forwardings: readonly Forwarding[]
  /** Zones whose names may have private addresses in upstream answers. */
  readonly allowPrivate: ZoneMap<true>
  /** PEM certificates trusted in addition to the default ones. */
  readonly authorities: readonly string[]
}

/** @throws UsageError for an invalid upstream, forwarding rule or name, or an unreadable file */
export async function readUpstreamSettings({ upstream, forward, allow_private: allowed, upstream_ca: file }: SettingsOf<typeof dns>): Promise<UpstreamSettings> {
  const allowPrivate = new ZoneMap<true>()
  for (const zone of allowed) allowPrivate.set(parseName(zone), true)
  return { upstreams: upstream.map(parseUpstream), forwardings: forward.map(parseForwarding), allowPrivate, authorities: file === undefined ? [] : [await readCertificates(file)] }
}

async function readCertificates(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: Error) => { throw new UsageError(`--upstream_ca cannot be ${file}`, error.message, 'name a readable file') })
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new UsageError(`--upstream_ca cannot be ${file}`, 'it has no certificate in PEM format', 'name a file that begins with -----BEGIN CERTIFICATE-----')
  return text
}

/**
 * Rejects an upstream that is this server itself, which would
 * never answer; a wildcard address reaches this machine too.
 * @throws UsageError
 */
export function refuseOwnAddress({ upstreams, forwardings }: UpstreamSettings, locals: readonly Endpoint[]): void {
  const servers = [...upstreams, ...forwardings.flatMap(({ upstream }) => upstream ?? [])]
  const own = servers.find(({ endpoint }) => locals.some(({ address, port }) => port === endpoint.port && (address === endpoint.address || isWildcard(endpoint.address))))
  if (own !== undefined) throw new UsageError(`--upstream cannot be ${own.title}`, 'it is this DNS server itself', 'name another server')
}
