/**
 * A rate limit per sender: each request takes a token from the sender's bucket, which refills over time. A sender is an IPv4
 * address or an IPv6 /64 network, within which one machine can use any number of addresses.
 */
import { formatIpv6, parseIpv6 } from '../../../kit/ip-address.ts'

export interface BucketSize {
  readonly tokens: number
  readonly tokensPerSecond: number
}

interface Bucket {
  tokens: number
  filledAtMs: number
  refusedAtMs: number
}

const BUCKETS_MAX = 4096
/** The source address may be forged, and the replies would then flood its owner. */
const REFUSAL_INTERVAL_MS = 1000

export class TokenBuckets {
  /** Ordered by last use: the first is the most likely to be full again, and then forgetting it changes nothing. */
  readonly #buckets = new Map<string, Bucket>()
  readonly #size: BucketSize

  constructor(size: BucketSize) {
    this.#size = size
  }

  /** @returns `granted`, or, if the bucket is empty, `refused` once a second and `silenced` otherwise */
  take(address: string, nowMs: number): 'granted' | 'refused' | 'silenced' {
    const key = senderOf(address)
    const bucket = this.#buckets.get(key) ?? { tokens: this.#size.tokens, filledAtMs: nowMs, refusedAtMs: -Infinity }
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > BUCKETS_MAX) for (const oldest of this.#buckets.keys()) { this.#buckets.delete(oldest); break }
    bucket.tokens = Math.min(this.#size.tokens, bucket.tokens + (nowMs - bucket.filledAtMs) / 1000 * this.#size.tokensPerSecond)
    bucket.filledAtMs = nowMs
    if (bucket.tokens >= 1) {
      bucket.tokens--
      return 'granted'
    }
    if (nowMs - bucket.refusedAtMs < REFUSAL_INTERVAL_MS) return 'silenced'
    bucket.refusedAtMs = nowMs
    return 'refused'
  }
}

function senderOf(address: string): string {
  const octets = parseIpv6(address.replace(/%.*$/, ''))
  return octets === undefined ? address : formatIpv6(octets.fill(0, 8))
}
