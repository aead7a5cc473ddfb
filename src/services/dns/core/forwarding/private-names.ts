/**
 * Names that are local to this network, or not part of the DNS at all. No server on the internet can answer for them, and
 * asking one would leak what is here. They are registered here or do not exist. `home` is not listed: there the zone itself
 * is authoritative. The list combines IANA's locally-served zones and special-use names:
 *
 *     RFC 8375                home.arpa
 *     RFC 9665                service.arpa
 *     RFC 6303, 7793, 9637    reverse zones of private, reserved and documentation addresses
 *     RFC 6761, 6762          test, invalid, local; localhost, which answering/localhost.ts answers
 *     RFC 7686, 9476          onion, alt
 *     RFC 9031, 9140          6tisch.arpa, eap-noob.arpa and its successor eap.arpa, whose names are not host names
 *     ICANN 2024.07.29.06     internal, reserved by that resolution
 *
 * Two names on IANA's lists go to the upstreams like any other: `example`, which resolvers do not treat specially (RFC 6761
 * §6.5), and `ipv4only.arpa`. From the AAAA records of the latter a client without IPv4 learns its network's NAT64 prefix
 * (RFC 7050), and only an upstream that synthesizes such records (DNS64) knows it. A resolver that does not synthesize them
 * forwards the query (RFC 8880 §7.1, item 4).
 */
import { isWithin } from '../../wire/name.ts'

/**
 * Where clients discover the encrypted transports of their resolver (DDR, RFC 9462 §4). An upstream would name itself, and clients
 * that moved to it would no longer see the names of this network. Names here have no records unless they are registered, but every
 * name exists (§6.4).
 */
const DISCOVERY_ZONE = 'resolver.arpa'

export const PRIVATE_ZONES = [
  'home.arpa', 'internal', 'local', 'localhost', 'test', 'invalid', 'onion', 'alt', DISCOVERY_ZONE, 'service.arpa', '6tisch.arpa', 'eap.arpa', 'eap-noob.arpa',
  '10.in-addr.arpa', '168.192.in-addr.arpa', ...Array.from({ length: 16 }, (_, index) => `${16 + index}.172.in-addr.arpa`),
  ...Array.from({ length: 64 }, (_, index) => `${64 + index}.100.in-addr.arpa`),
  '127.in-addr.arpa', '254.169.in-addr.arpa', '0.in-addr.arpa', '2.0.192.in-addr.arpa', '100.51.198.in-addr.arpa', '113.0.203.in-addr.arpa',
  '255.255.255.255.in-addr.arpa',
  'd.f.ip6.arpa', 'c.f.ip6.arpa', '8.e.f.ip6.arpa', '9.e.f.ip6.arpa', 'a.e.f.ip6.arpa', 'b.e.f.ip6.arpa',
  '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa', '0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa', '8.b.d.0.1.0.0.2.ip6.arpa', '0.f.f.f.3.ip6.arpa',
] as const

/** Whether a name lies in the zone in which every name exists. */
export function isDiscoveryName(qname: string): boolean {
  return isWithin(qname, DISCOVERY_ZONE)
}
