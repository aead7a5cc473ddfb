/** HMAC by Node, for the pure rooms that sign and verify. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Hmac } from './core/admin/tsig.ts'

export const nodeHmac: Hmac = {
  // An algorithm's name is `hmac-` and the hash's: that is how OpenSSL calls it too.
  digest: ({ algorithm, secret }, octets) => createHmac(algorithm.slice('hmac-'.length), secret).update(octets).digest(),
  equal: (one, other) => timingSafeEqual(one, other),
}
