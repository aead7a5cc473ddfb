/**
 * Names that belong to the network at hand: no server of the internet can know them, and asking would tell strangers what is
 * here. They are answered here or do not exist. `home` is not in the list, for there the zone itself is the authority. RFC 8375
 * (home.arpa), RFC 6303 (addresses), RFC 6761 and 6762 (test, invalid, local; localhost, which answering/localhost.ts answers),
 * ICANN's resolution 2024.07.29.06 (internal).
 */
export const PRIVATE_ZONES = [
  'home.arpa', 'internal', 'local', 'localhost', 'test', 'invalid', 'onion',
  '10.in-addr.arpa', '168.192.in-addr.arpa', ...Array.from({ length: 16 }, (_, index) => `${16 + index}.172.in-addr.arpa`),
  '127.in-addr.arpa', '254.169.in-addr.arpa', '0.in-addr.arpa', '2.0.192.in-addr.arpa', '100.51.198.in-addr.arpa', '113.0.203.in-addr.arpa',
  '255.255.255.255.in-addr.arpa',
  'd.f.ip6.arpa', 'c.f.ip6.arpa', '8.e.f.ip6.arpa', '9.e.f.ip6.arpa', 'a.e.f.ip6.arpa', 'b.e.f.ip6.arpa',
  '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa', '0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa', '8.b.d.0.1.0.0.2.ip6.arpa',
] as const
