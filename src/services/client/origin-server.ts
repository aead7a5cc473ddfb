/**
 * Finds the origin server of a URL: from its host and port to the endpoints that may serve it. Names are looked up by
 * Hamlet's own resolver only; the system's resolver never sees them.
 */
import { unresolved, type Resolution, type Resolver } from '../dns/resolver.ts'
import type { Endpoint } from '../kit/endpoint.ts'
import { HamletError } from '../kit/errors.ts'
import { isIpAddress } from '../kit/ip-address.ts'
import type { Random } from '../kit/random.ts'
import type { Transport } from './contract.ts'
import { isUnder } from './core/connect-policy.ts'
import { chooseServiceRecord, DEFAULT_PORT, parseServiceRecord, serviceName, type ServiceRecord } from './core/service-record.ts'
import type { Authority } from './core/target.ts'

export interface OriginServer {
  /** Endpoints to try in order; at least one. */
  readonly candidates: readonly Endpoint[]
  /** How the name was resolved, for the user. */
  readonly sentence: string
  /** Some of it came from the cache; a new lookup may differ. */
  readonly cached: boolean
}

/** The addresses of a name. */
interface Addresses {
  readonly addresses: readonly string[]
  readonly sentence: string
  readonly cached: boolean
}

/** Resolves names: in the gateway, its resolver once the DNS server is known. */
export type ResolveName = Resolver['resolve']

const CANDIDATES_MAX = 4

/**
 * Finds where `host` is served. A port in the URL is used as it is; otherwise SRV records name one, otherwise the
 * default port.
 * @throws HamletError name-unknown, or upstream-unreachable if no DNS server could answer
 */
export async function findOriginServer({ host, port }: Authority, transport: Transport, resolve: ResolveName, random: Random): Promise<OriginServer> {
  const defaultPort = port ?? DEFAULT_PORT[transport]
  if (isIpAddress(host)) return { candidates: [{ address: host, port: defaultPort }], sentence: `${host} is an address: no name to look up`, cached: false }
  // RFC 6761 §6.3: never sent to a DNS server.
  if (isUnder(host, 'localhost')) return { candidates: [{ address: '127.0.0.1', port: defaultPort }], sentence: `${host} is this machine`, cached: false }

  const name = host.replace(/\.$/, '')
  const [own, service] = await Promise.allSettled([lookUp(name, resolve), port === undefined ? findServiceRecord(name, transport, resolve, random) : undefined])
  // Without an answer for SRV, the default port applies. If the DNS server is silent, the address lookup fails, too,
  // and says so.
  const found = service.status === 'fulfilled' ? service.value : undefined
  const record = found?.record
  // The SRV record may name another host; then the name itself needs no address.
  if (own.status === 'rejected' && (record === undefined || record.target === name)) throw own.reason
  const ofName = own.status === 'fulfilled' ? own.value : NO_ADDRESSES
  if (record === undefined) return { candidates: endpoints(ofName, defaultPort), sentence: ofName.sentence, cached: ofName.cached || found?.cached === true }
  if (record.target === '') throw notOffered(name, transport)
  const ofTarget = record.target === name ? ofName : await lookUp(record.target, resolve)
  return {
    candidates: endpoints(ofTarget, record.port), sentence: `${ofTarget.sentence}; ${serviceName(name, transport)} names port ${record.port}`,
    cached: ofTarget.cached || found?.cached === true,
  }
}

const NO_ADDRESSES: Addresses = { addresses: [], sentence: '', cached: false }

function endpoints({ addresses }: Addresses, port: number): Endpoint[] {
  return addresses.slice(0, CANDIDATES_MAX).map(address => ({ address, port }))
}

async function lookUp(name: string, resolve: ResolveName): Promise<Addresses> {
  const ipv4 = await resolve(name, 'A')
  const answer = ipv4.rcode === 'NOERROR' && !hasRecord(ipv4, 'A') ? await resolve(name, 'AAAA') : ipv4
  const addresses = answer.records.filter(({ type }) => type === 'A' || type === 'AAAA').map(({ data }) => data)
  if (addresses.length === 0) throw unresolved(name, 'address', answer)
  return { addresses, sentence: answer.sentence, cached: answer.source === 'cache' }
}

function hasRecord({ records }: Resolution, wanted: string): boolean {
  return records.some(({ type }) => type === wanted)
}

function notOffered(name: string, transport: Transport): HamletError {
  return new HamletError({
    code: 'refused', what: `${name} offers no pages over ${transport.toUpperCase()}`, why: `its SRV record ${serviceName(name, transport)} says so`,
    remedy: 'choose the other transport, or give a port in the address',
  })
}

async function findServiceRecord(name: string, transport: Transport, resolve: ResolveName, random: Random): Promise<{ record: ServiceRecord | undefined; cached: boolean }> {
  const { records, source } = await resolve(serviceName(name, transport), 'SRV')
  const services = records.filter(({ type }) => type === 'SRV').flatMap(({ data }) => parseServiceRecord(data) ?? [])
  return { record: chooseServiceRecord(services, random), cached: source === 'cache' }
}
