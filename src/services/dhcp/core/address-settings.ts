/**
 * Parses the settings about addresses. No value contains a space or a comma, so a form can take several in one field.
 * Each parser throws a UsageError that says what is wrong.
 *
 *     pool      192.168.1.100-192.168.1.199
 *     exclude   192.168.1.100-192.168.1.199            or a single address, 192.168.1.7
 *     reserve   02:00:5e:00:00:01=192.168.1.10=kettle  the name is optional
 *               id:01aabbcc=192.168.1.11               by client identifier
 *     subnet    10.3.0.1/24=10.3.0.100-10.3.0.199      behind a relay: the clients' router, prefix length and pool
 */
import { UsageError } from '../../kit/errors.ts'
import { formatIpv4, parseIpv4, subnetContains, subnetOf, type Subnet } from '../../kit/ip-address.ts'
import { ETHERNET } from '../wire/header.ts'
import { formatHex, parseMac } from '../wire/hardware-address.ts'
import type { Pool } from './leases.ts'

/** The lease table of a larger pool would take too much memory. */
const POOL_SIZE_MAX = 262_144
const CLIENT_IDENTIFIER = /^(?:[0-9a-f]{2}){2,255}$/i
const HOST_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i

/** An address set aside for one client. */
export interface Reservation {
  /**
   * The key of the client (binding.ts): its client identifier in hex, or hardware type and address in the same form.
   */
  readonly key: string
  readonly yiaddr: number
  /** '' if the client keeps its own name. */
  readonly hostName: string
}

/** A network behind a relay. */
export interface RelayedSubnet {
  readonly subnet: Subnet
  /** The clients' router. */
  readonly router: number
  readonly pool: Pool
}

/** Parses `FIRST-LAST`. */
export function parsePool(text: string): Pool {
  const [first, last, more] = text.split('-').map(parseIpv4)
  if (first === undefined || last === undefined || more !== undefined) throw refused('pool', text, 'it is not two IPv4 addresses', 'FIRST-LAST, such as 192.168.1.100-192.168.1.199')
  if (first > last) throw refused('pool', text, 'its first address is after its last', 'FIRST-LAST, such as 192.168.1.100-192.168.1.199')
  if (last - first >= POOL_SIZE_MAX) throw refused('pool', text, `it has more than ${POOL_SIZE_MAX} addresses`, 'a smaller range')
  return { first, last }
}

/** Parses `IP` or `FIRST-LAST`. */
export function parseExclusion(text: string): Pool {
  const [first, last = first, more] = text.split('-').map(parseIpv4)
  if (first === undefined || last === undefined || more !== undefined || text.endsWith('-')) throw refused('exclude', text, 'it is neither an IPv4 address nor a range of them', 'IP or FIRST-LAST')
  if (first > last) throw refused('exclude', text, 'its first address is after its last', 'FIRST-LAST')
  return { first, last }
}

/** Parses `MAC=IP` or `id:HEX=IP`, each optionally followed by `=NAME`. */
export function parseReservation(text: string): Reservation {
  const [client = '', address = '', hostName = '', ...more] = text.split('=')
  const mac = parseMac(client)
  const key = mac !== undefined ? formatHex(Uint8Array.of(ETHERNET, ...mac)) : client.startsWith('id:') ? client.slice(3).toLowerCase() : ''
  const yiaddr = parseIpv4(address)
  if (!CLIENT_IDENTIFIER.test(key)) throw refused('reserve', text, `"${client}" is neither a hardware address nor a client identifier`, 'MAC=IP such as 02:00:5e:00:00:01=192.168.1.10, or id:HEX=IP')
  if (yiaddr === undefined) throw refused('reserve', text, `"${address}" is not an IPv4 address`, 'MAC=IP such as 02:00:5e:00:00:01=192.168.1.10')
  if (more.length > 0 || (hostName !== '' && !HOST_NAME.test(hostName))) throw refused('reserve', text, `"${[hostName, ...more].join('=')}" is not a host name`, 'letters, digits and hyphens, at most 63')
  return { key, yiaddr, hostName }
}

/** Parses `ROUTER/BITS=FIRST-LAST`. */
export function parseRelayedSubnet(text: string): RelayedSubnet {
  const [, address = '', bits = '', range = ''] = /^([\d.]+)\/(\d{1,2})=(.+)$/.exec(text) ?? []
  const router = parseIpv4(address)
  const prefixBits = Number(bits)
  if (router === undefined || prefixBits < 1 || prefixBits > 30) throw refused('subnet', text, 'it does not start with a router and a prefix length of 1 to 30', 'ROUTER/BITS=FIRST-LAST, such as 10.3.0.1/24=10.3.0.100-10.3.0.199')
  const subnet = subnetOf(router, prefixBits)
  const pool = parsePool(range)
  if (!subnetContains(subnet, pool.first) || !subnetContains(subnet, pool.last)) throw refused('subnet', text, `${range} is not within ${formatSubnet(subnet)}`, 'a range of that subnet')
  return { subnet, router, pool }
}

/** `192.0.2.0/24`. */
export function formatSubnet({ network, prefixBits }: Subnet): string {
  return `${formatIpv4(network)}/${prefixBits}`
}

function refused(flag: string, text: string, why: string, write: string): UsageError {
  return new UsageError(`--${flag} cannot be ${text}`, why, `write ${write}`)
}
