/** Whether the peer is still there: when to ask by PING, and when to stop waiting (RFC 9000 §10.1). */

/** A peer cannot make us give up sooner. */
const IDLE_MS_MIN = 1_000

export class Liveness {
  #idleTimeoutMs: number
  #heardAtMs: number
  #askedAtMs = -Infinity

  constructor(idleTimeoutMs: number, nowMs: number) {
    this.#idleTimeoutMs = idleTimeoutMs
    this.#heardAtMs = nowMs
  }

  /** The peer gives up sooner than we do: then so do we. */
  learn(idleTimeoutMs: number): void {
    this.#idleTimeoutMs = Math.min(this.#idleTimeoutMs, Math.max(IDLE_MS_MIN, idleTimeoutMs))
  }

  heard(nowMs: number): void {
    this.#heardAtMs = nowMs
  }

  asked(nowMs: number): void {
    this.#askedAtMs = nowMs
  }

  isGone(nowMs: number): boolean {
    return nowMs >= this.#heardAtMs + this.#idleTimeoutMs
  }

  /** @param keeps streams are open: the connection shall outlast silence */
  shallAsk(keeps: boolean, nowMs: number): boolean {
    return keeps && nowMs >= this.#askAtMs()
  }

  deadlineMs(keeps: boolean): number {
    return Math.min(this.#heardAtMs + this.#idleTimeoutMs, keeps ? this.#askAtMs() : Infinity)
  }

  #askAtMs(): number {
    return Math.max(this.#heardAtMs, this.#askedAtMs) + this.#idleTimeoutMs / 4
  }
}
