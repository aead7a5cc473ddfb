/**
 * How often one sender may ask: its bucket holds tokens, each ask takes one, and they grow again with time. A sender is an IPv4
 * address or an IPv6 network of 64 bits, since one machine has as many addresses of that as it likes.
 */
import { formatIpv6, parseIpv6 } from '../../../kit/ip-address.ts'

export interface BucketSize {
  readonly tokens: number
  readonly tokensPerSecond: number
}

interface Bucket {
  tokens: number
  filledAtMs: number
  toldAtMs: number
}

const BUCKETS_MAX = 4096
/** Refusals go to whoever is named as the sender, who may be somebody else's victim. */
const TELL_EVERY_MS = 1000

export class TokenBuckets {
  /** In order of their last use: the first is most likely full again, and then forgetting it changes nothing. */
  readonly #buckets = new Map<string, Bucket>()
  readonly #size: BucketSize

  constructor(size: BucketSize) {
    this.#size = size
  }

  /** @returns `granted`; `refused` once a second and `silenced` else, where the bucket is empty */
  take(address: string, nowMs: number): 'granted' | 'refused' | 'silenced' {
    const key = senderOf(address)
    const bucket = this.#buckets.get(key) ?? { tokens: this.#size.tokens, filledAtMs: nowMs, toldAtMs: -Infinity }
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > BUCKETS_MAX) for (const oldest of this.#buckets.keys()) { this.#buckets.delete(oldest); break }
    bucket.tokens = Math.min(this.#size.tokens, bucket.tokens + (nowMs - bucket.filledAtMs) / 1000 * this.#size.tokensPerSecond)
    bucket.filledAtMs = nowMs
    if (bucket.tokens >= 1) {
      bucket.tokens--
      return 'granted'
    }
    if (nowMs - bucket.toldAtMs < TELL_EVERY_MS) return 'silenced'
    bucket.toldAtMs = nowMs
    return 'refused'
  }
}

function senderOf(address: string): string {
  const octets = parseIpv6(address.replace(/%.*$/, ''))
  return octets === undefined ? address : formatIpv6(octets.fill(0, 8))
}
