/**
 * Ensures that a signed request that changes something takes effect once. An eavesdropper can replay it, and a client whose
 * answer was lost retries it in good faith: both get the first answer again. A request is remembered while its timestamp is
 * acceptable (FUDGE_SECONDS). If there are too many, the oldest second is forgotten, and anything signed no later than that is
 * refused. If the clock is set back, requests are accepted from the new time on, not only from the time of the start.
 */
import { FUDGE_SECONDS } from './tsig.ts'

export type ReplayCheck<Answer> =
  /** Not seen before: carry it out, then call `answered`. */
  | { readonly kind: 'new' }
  /** In progress: it will be answered when it is done. */
  | { readonly kind: 'pending' }
  | { readonly kind: 'done'; readonly answer: Answer }
  /** So old that it may have been forgotten, or carried out before the server was started. */
  | { readonly kind: 'too-old' }

export const REQUESTS_MAX = 20_000

export class ReplayCache<Answer> {
  /** Second of signing → MAC → answer, once there is one. */
  readonly #requests = new Map<number, Map<string, { answer?: Answer }>>()
  #count = 0
  /** Anything signed before may have been carried out by an earlier run of the server. */
  #startedSecond: number
  /** Anything signed before may have been carried out by this run, and forgotten. */
  #forgottenBefore = -Infinity
  readonly #requestsMax: number

  constructor(startedAtSeconds: number, requestsMax = REQUESTS_MAX) {
    this.#startedSecond = Math.floor(startedAtSeconds)
    this.#requestsMax = requestsMax
  }

  /** @param mac from a signature that is valid and whose time is acceptable */
  check(mac: Uint8Array, signedAtSeconds: number, nowSeconds: number): ReplayCheck<Answer> {
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

  /** Records the answer to a request that was `new`. */
  answered(mac: Uint8Array, signedAtSeconds: number, answer: Answer): void {
    const request = this.#requests.get(signedAtSeconds)?.get(keyOf(mac))
    if (request !== undefined) request.answer = answer
  }

  /** Drops expired requests, or, if there are none, the oldest second, unless the new request is no newer than that. */
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
