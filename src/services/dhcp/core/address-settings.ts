/**
 * What a person writes about addresses, read. None of the texts has a space or a comma, so that a form may take several in one
 * field; all throw a UsageError that says what is wrong.
 *
 *     pool, exclude   192.168.1.100-192.168.1.199                       192.168.1.7 alone where one is excluded
 *     reserve         02:00:5e:00:00:01=192.168.1.10=kettle             id:01aabbcc=192.168.1.11     the name may be left out
 *     subnet          10.3.0.1/24=10.3.0.100-10.3.0.199                 behind a relay: the clients' router, prefix and pool
 */
import { UsageError } from '../../kit/errors.ts'
import { formatIpv4, parseIpv4, subnetContains, subnetOf, type Subnet } from '../../kit/ip-address.ts'
import { ETHERNET } from '../wire/header.ts'
import { formatHex, parseMac } from '../wire/hardware-address.ts'
import type { Pool } from './leases.ts'

/** A pool of more is refused: its book-keeping would fill the memory. */
const POOL_SIZE_MAX = 262_144
const CLIENT_IDENTIFIER = /^(?:[0-9a-f]{2}){2,255}$/i
const HOST_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i

/** An address that one client gets, and nobody else. */
export interface Reservation {
  /** As Client.key: the client identifier in hex, or hardware type and address in its form. */
  readonly key: string
  readonly yiaddr: number
  /** '' where the client may call itself what it wants. */
  readonly hostName: string
}

/** A network that only a relay reaches. */
export interface RelayedSubnet {
  readonly subnet: Subnet
  /** The clients' router. */
  readonly router: number
  readonly pool: Pool
}

/** Reads `FIRST-LAST`. */
export function parsePool(text: string): Pool {
  const [first, last, more] = text.split('-').map(parseIpv4)
  if (first === undefined || last === undefined || more !== undefined) throw refused('pool', text, 'it is not two IPv4 addresses', 'FIRST-LAST, such as 192.168.1.100-192.168.1.199')
  if (first > last) throw refused('pool', text, 'its first address is after its last', 'FIRST-LAST, such as 192.168.1.100-192.168.1.199')
  if (last - first >= POOL_SIZE_MAX) throw refused('pool', text, `it has more than ${POOL_SIZE_MAX} addresses`, 'a smaller range')
  return { first, last }
}

/** Reads `IP` or `FIRST-LAST`. */
export function parseExclusion(text: string): Pool {
  const [first, last = first, more] = text.split('-').map(parseIpv4)
  if (first === undefined || last === undefined || more !== undefined || text.endsWith('-')) throw refused('exclude', text, 'it is neither an IPv4 address nor two', 'IP or FIRST-LAST')
  if (first > last) throw refused('exclude', text, 'its first address is after its last', 'FIRST-LAST')
  return { first, last }
}

/** Reads `MAC=IP`, `id:HEX=IP`, each with `=NAME` behind it or not. */
export function parseReservation(text: string): Reservation {
  const [who = '', address = '', hostName = '', ...more] = text.split('=')
  const mac = parseMac(who)
  const key = mac !== undefined ? formatHex(Uint8Array.of(ETHERNET, ...mac)) : who.startsWith('id:') ? who.slice(3).toLowerCase() : ''
  const yiaddr = parseIpv4(address)
  if (!CLIENT_IDENTIFIER.test(key)) throw refused('reserve', text, `"${who}" is neither a hardware address nor a client identifier`, 'MAC=IP such as 02:00:5e:00:00:01=192.168.1.10, or id:HEX=IP')
  if (yiaddr === undefined) throw refused('reserve', text, `"${address}" is no IPv4 address`, 'MAC=IP such as 02:00:5e:00:00:01=192.168.1.10')
  if (more.length > 0 || (hostName !== '' && !HOST_NAME.test(hostName))) throw refused('reserve', text, `"${[hostName, ...more].join('=')}" is no host name`, 'letters, digits and hyphens, 63 at most')
  return { key, yiaddr, hostName }
}

/** Reads `ROUTER/BITS=FIRST-LAST`. */
export function parseRelayedSubnet(text: string): RelayedSubnet {
  const [, address = '', bits = '', range = ''] = /^([\d.]+)\/(\d{1,2})=(.+)$/.exec(text) ?? []
  const router = parseIpv4(address)
  const prefixBits = Number(bits)
  if (router === undefined || prefixBits < 1 || prefixBits > 30) throw refused('subnet', text, 'it does not begin with a router and a prefix of 1 to 30 bits', 'ROUTER/BITS=FIRST-LAST, such as 10.3.0.1/24=10.3.0.100-10.3.0.199')
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
