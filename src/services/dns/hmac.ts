/** HMAC from Node.js, for the pure modules that sign and verify. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Hmac } from './core/admin/tsig.ts'

export const nodeHmac: Hmac = {
  // The algorithm's name is `hmac-` followed by OpenSSL's name of the hash.
  digest: ({ algorithm, secret }, octets) => createHmac(algorithm.slice('hmac-'.length), secret).update(octets).digest(),
  equal: (one, other) => timingSafeEqual(one, other),
}
