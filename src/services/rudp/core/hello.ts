/** The timers of HELLO: when it is sent again, and when the connection is given up because WELCOME has not come. connection.ts sends it. */
import { FIRST_PROBE_MS } from './rtt.ts'

/** A second HELLO follows so soon: the loss of one small packet shall not cost a quarter of a second. */
const EARLY_DUPLICATE_MS = 30
const RETRY_MAX_MS = 1_000
/** More than are sent before a connection is given up, as a rule; of a later one RETRY gives no round trip. */
const TRIES_REMEMBERED = 16

export class Hello {
  #giveUpAtMs = Infinity
  #retryAtMs = Infinity
  /** When each HELLO left, by its number: a RETRY says which one it answers, so the round trip is sound. */
  readonly #sentAtMs = new Map<number, number>()

  get deadlineMs(): number {
    return Math.min(this.#giveUpAtMs, this.#retryAtMs)
  }

  start(giveUpAtMs: number): void {
    this.#giveUpAtMs = giveUpAtMs
  }

  /** The peer has answered: no HELLO is repeated for its own sake. */
  answered(): void {
    this.#retryAtMs = Infinity
  }

  /** Established: nothing is given up any more. */
  finish(): void {
    this.#giveUpAtMs = Infinity
    this.#retryAtMs = Infinity
  }

  isHopeless(nowMs: number): boolean {
    return nowMs >= this.#giveUpAtMs
  }

  isDue(nowMs: number): boolean {
    return nowMs >= this.#retryAtMs
  }

  /** A HELLO left: the next follows after 30 ms, then 250, 500, and then every second. */
  sent(number: number, nowMs: number): void {
    const tries = this.#sentAtMs.size
    if (tries < TRIES_REMEMBERED) this.#sentAtMs.set(number, nowMs)
    this.#retryAtMs = nowMs + (tries === 0 ? EARLY_DUPLICATE_MS : Math.min(RETRY_MAX_MS, FIRST_PROBE_MS * 2 ** (tries - 1)))
  }

  sentAtMs(number: number): number | undefined {
    return this.#sentAtMs.get(number)
  }
}
