/**
 * Names that belong to the network at hand, or to no DNS at all: no server of the internet can know them, and asking would tell strangers
 * what is here. They are answered here or do not exist. `home` is not in the list, for there the zone itself is the authority. The rest is
 * what IANA lists as locally-served zones and as special-use names: RFC 8375 (home.arpa), RFC 9665 (service.arpa), RFC 6303 and 7793
 * (addresses; RFC 9637 has more of them for documentation), RFC 6761 and 6762 (test, invalid, local; localhost, which answering/localhost.ts
 * answers), RFC 7686 (onion), RFC 9476 (alt), RFC 9031 and 9140 (6tisch.arpa, eap-noob.arpa and its successor eap.arpa, whose names are no
 * hosts'); and what ICANN's resolution 2024.07.29.06 reserves (internal).
 *
 * Two that IANA lists are asked of the upstreams as any name: `example`, which is nothing special to a resolver (RFC 6761 §6.5), and
 * `ipv4only.arpa`. From its AAAA records a client without IPv4 learns how its network reaches IPv4 (RFC 7050), and only an upstream that makes
 * such records (DNS64) can tell. A resolver that makes none passes the question on (RFC 8880 §7.1, item 4).
 */
import { isWithin } from '../../wire/name.ts'

/**
 * Where a client asks by what else than plain DNS its server can be reached (RFC 9462 §4). An upstream would name itself, and its names
 * are not those of this network. There is nothing unless it is registered here, but every name exists (§6.4).
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

/** True for a name in a private zone in which none is missing. */
export function isDiscoveryName(qname: string): boolean {
  return isWithin(qname, DISCOVERY_ZONE)
}
