/**
 * The timers of HELLO: when it is repeated, and when the attempt is given up because no WELCOME has arrived.
 * connection.ts does the sending.
 */
import { FIRST_PROBE_MS } from './rtt.ts'

/** The second HELLO follows this soon: losing one small packet should not cost a quarter of a second. */
const EARLY_DUPLICATE_MS = 30
const RETRY_MAX_MS = 1_000
/**
 * More than are usually sent before the attempt is given up. A RETRY that answers a later HELLO gives no round-trip
 * sample.
 */
const TRIES_REMEMBERED = 16

export class Hello {
  #giveUpAtMs = Infinity
  #retryAtMs = Infinity
  /**
   * When each HELLO left, by packet number. A RETRY names the HELLO that it answers, so its round-trip sample is sound.
   */
  readonly #sentAtMs = new Map<number, number>()

  get deadlineMs(): number {
    return Math.min(this.#giveUpAtMs, this.#retryAtMs)
  }

  start(giveUpAtMs: number): void {
    this.#giveUpAtMs = giveUpAtMs
  }

  /** The peer has answered: stop repeating HELLO. */
  stopRepeating(): void {
    this.#retryAtMs = Infinity
  }

  /** The connection is established or over: stop both timers. */
  finish(): void {
    this.#giveUpAtMs = Infinity
    this.#retryAtMs = Infinity
  }

  hasTimedOut(nowMs: number): boolean {
    return nowMs >= this.#giveUpAtMs
  }

  isRepeatDue(nowMs: number): boolean {
    return nowMs >= this.#retryAtMs
  }

  /** A HELLO was sent. The next follows after 30 ms, then after 250 and 500 ms, then every second. */
  sent(number: number, nowMs: number): void {
    const tries = this.#sentAtMs.size
    if (tries < TRIES_REMEMBERED) this.#sentAtMs.set(number, nowMs)
    this.#retryAtMs = nowMs + (tries === 0 ? EARLY_DUPLICATE_MS : Math.min(RETRY_MAX_MS, FIRST_PROBE_MS * 2 ** (tries - 1)))
  }

  sentAtMs(number: number): number | undefined {
    return this.#sentAtMs.get(number)
  }
}
