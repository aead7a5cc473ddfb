/** Which host and port serve a name: SRV records (RFC 2782), otherwise the default port. */
import type { Transport } from '../contract.ts'
import { below, type Random } from '../../kit/random.ts'

/** The ports without an SRV record: HTTP's own, and the default of RUDP servers. */
export const DEFAULT_PORT: Readonly<Record<Transport, number>> = { tcp: 80, rudp: 8080 }

export interface ServiceRecord {
  readonly priority: number
  readonly weight: number
  readonly port: number
  /** Without the trailing dot; '' means that the service is decidedly not available. */
  readonly target: string
}

/** The name whose SRV records say where `name` is served: `_http._tcp.my-app.home`. */
export function serviceName(name: string, transport: Transport): string {
  return `${transport === 'tcp' ? '_http._tcp' : '_rudp._udp'}.${name}`
}

/** Parses `0 0 8081 my-app.home.`, the rdata as in a zone file; undefined if the text is not that. */
export function parseServiceRecord(rdata: string): ServiceRecord | undefined {
  const match = /^(\d{1,5})\s+(\d{1,5})\s+(\d{1,5})\s+(\S+)$/.exec(rdata)
  const [priority, weight, port] = [match?.[1], match?.[2], match?.[3]].map(Number)
  if (match === null || priority === undefined || weight === undefined || port === undefined || Math.max(priority, weight, port) > 65535) return undefined
  return { priority, weight, port, target: (match[4] ?? '').replace(/\.$/, '').toLowerCase() }
}

/**
 * Draws one of the records with the lowest priority, in proportion to their weights (RFC 2782, "Weight"); undefined if
 * there are none.
 */
export function chooseServiceRecord(records: readonly ServiceRecord[], random: Random): ServiceRecord | undefined {
  const lowest = Math.min(...records.map(({ priority }) => priority))
  const best = records.filter(({ priority }) => priority === lowest)
  // A hundred times the weight, plus one, so that a weight of 0 has the "very small chance" that the RFC asks for.
  const shares = best.map(({ weight }) => weight * 100 + 1)
  const total = shares.reduce((sum, share) => sum + share, 0)
  let drawn = total === 0 ? 0 : below(random, total)
  return best.find((_, index) => (drawn -= shares[index] ?? 0) < 0)
}
