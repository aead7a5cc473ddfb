/** Whether the peer is still there: when to send PING, and when to give up (RFC 9000 §10.1). */

/** A peer cannot lower our idle timeout further than this. */
const IDLE_MS_MIN = 1_000

export class Liveness {
  #idleTimeoutMs: number
  #heardAtMs: number
  #pingSentAtMs = -Infinity

  constructor(idleTimeoutMs: number, nowMs: number) {
    this.#idleTimeoutMs = idleTimeoutMs
    this.#heardAtMs = nowMs
  }

  /** Adopts the idle timeout of the peer if it is shorter than ours. */
  setPeerTimeout(idleTimeoutMs: number): void {
    this.#idleTimeoutMs = Math.min(this.#idleTimeoutMs, Math.max(IDLE_MS_MIN, idleTimeoutMs))
  }

  onReceived(nowMs: number): void {
    this.#heardAtMs = nowMs
  }

  onPingSent(nowMs: number): void {
    this.#pingSentAtMs = nowMs
  }

  isTimedOut(nowMs: number): boolean {
    return nowMs >= this.#heardAtMs + this.#idleTimeoutMs
  }

  /** @param keepAlive streams are open, so the connection should outlast silence */
  isPingDue(keepAlive: boolean, nowMs: number): boolean {
    return keepAlive && nowMs >= this.#pingAtMs()
  }

  deadlineMs(keepAlive: boolean): number {
    return Math.min(this.#heardAtMs + this.#idleTimeoutMs, keepAlive ? this.#pingAtMs() : Infinity)
  }

  #pingAtMs(): number {
    return Math.max(this.#heardAtMs, this.#pingSentAtMs) + this.#idleTimeoutMs / 4
  }
}
