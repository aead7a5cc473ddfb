/**
 * Signed requests that change something are done once. Who hears one on the wire can send it again, and a client whose answer
 * was lost does so honestly: both get the first answer again. Requests are remembered for as long as their time is taken
 * (FUDGE_SECONDS); where that are too many, the oldest second is forgotten and nothing signed by then is taken any more.
 * The time of day may be set back meanwhile: then taking begins with what it is now, and not with what it was at the start.
 */
import { FUDGE_SECONDS } from './tsig.ts'

export type Recalled<Answer> =
  /** Not seen before: do it, then tell `answered`. */
  | { readonly kind: 'new' }
  /** Being done at this moment: its answer is on the way. */
  | { readonly kind: 'pending' }
  | { readonly kind: 'done'; readonly answer: Answer }
  /** So old that it may have been forgotten, or have been sent to this server before it was started. */
  | { readonly kind: 'too-old' }

export const REQUESTS_MAX = 20_000

export class ReplayMemory<Answer> {
  /** The second at which it was signed → its MAC → its answer, once it has one. */
  readonly #requests = new Map<number, Map<string, { answer?: Answer }>>()
  #count = 0
  /** What was signed before may have been done by a run that is forgotten. */
  #startedSecond: number
  /** What was signed before may have been done by this run, and been forgotten. */
  #forgottenBefore = -Infinity
  readonly #requestsMax: number

  constructor(startedAtSeconds: number, requestsMax = REQUESTS_MAX) {
    this.#startedSecond = Math.floor(startedAtSeconds)
    this.#requestsMax = requestsMax
  }

  /** @param mac of a signature that was found true, and in time */
  recall(mac: Uint8Array, signedAtSeconds: number, nowSeconds: number): Recalled<Answer> {
    const key = keyOf(mac)
    const known = this.#requests.get(signedAtSeconds)?.get(key)
    if (known !== undefined) return known.answer === undefined ? { kind: 'pending' } : { kind: 'done', answer: known.answer }
    this.#startedSecond = Math.min(this.#startedSecond, Math.floor(nowSeconds))
    if (signedAtSeconds < Math.max(this.#startedSecond, this.#forgottenBefore)) return { kind: 'too-old' }
    if (this.#count >= this.#requestsMax && !this.#makeRoom(signedAtSeconds, nowSeconds)) return { kind: 'too-old' }
    const second = this.#requests.get(signedAtSeconds) ?? new Map<string, { answer?: Answer }>()
    this.#requests.set(signedAtSeconds, second.set(key, {}))
    this.#count++
    return { kind: 'new' }
  }

  /** What a request that was new was answered. */
  answered(mac: Uint8Array, signedAtSeconds: number, answer: Answer): void {
    const request = this.#requests.get(signedAtSeconds)?.get(keyOf(mac))
    if (request !== undefined) request.answer = answer
  }

  /** Forgets what is out of time anyway; where that frees nothing, the oldest second, unless the newcomer is no younger. */
  #makeRoom(signedAtSeconds: number, nowSeconds: number): boolean {
    const before = this.#count
    for (const second of this.#requests.keys()) if (second < nowSeconds - FUDGE_SECONDS) this.#drop(second)
    if (this.#count < before) return true
    const oldest = Math.min(...this.#requests.keys())
    if (signedAtSeconds <= oldest) return false
    this.#drop(oldest)
    return true
  }

  #drop(second: number): void {
    this.#forgottenBefore = Math.max(this.#forgottenBefore, second + 1)
    this.#count -= this.#requests.get(second)?.size ?? 0
    this.#requests.delete(second)
  }
}

function keyOf(mac: Uint8Array): string {
  return String.fromCharCode(...mac)
}
