/**
 * Names that belong to the network at hand: no server of the internet can know them, and asking would tell strangers what is
 * here. They are answered here or do not exist. `home` is not in the list, for there the zone itself is the authority. RFC 8375
 * (home.arpa), RFC 6303 (addresses), RFC 6761 and 6762 (test, invalid, local).
 */
export const PRIVATE_ZONES = [
  'home.arpa', 'local', 'test', 'invalid', 'onion',
  '10.in-addr.arpa', '168.192.in-addr.arpa', ...Array.from({ length: 16 }, (_, index) => `${16 + index}.172.in-addr.arpa`),
  '127.in-addr.arpa', '254.169.in-addr.arpa', '0.in-addr.arpa',
  'd.f.ip6.arpa', 'c.f.ip6.arpa', '8.e.f.ip6.arpa', '9.e.f.ip6.arpa', 'a.e.f.ip6.arpa', 'b.e.f.ip6.arpa',
  '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa',
] as const
