/** Whether the peer lives and whether its window is still shut: when to ask by PING, and when to stop waiting. */

const RETRY_MAX_MS = 4_000

export class Liveness {
  readonly #idleTimeoutMs: number
  #heardAtMs: number
  #askAtMs = Infinity
  #windowProbeAtMs = Infinity
  #windowProbes = 0

  constructor(idleTimeoutMs: number, nowMs: number) {
    this.#idleTimeoutMs = idleTimeoutMs
    this.#heardAtMs = nowMs
  }

  heard(nowMs: number): void {
    this.#heardAtMs = nowMs
    this.#askAtMs = nowMs + this.#idleTimeoutMs / 4
  }

  isGone(nowMs: number): boolean {
    return nowMs >= this.#heardAtMs + this.#idleTimeoutMs
  }

  /** A PING is due. */
  shallAsk(nowMs: number): boolean {
    return nowMs >= this.#askAtMs || nowMs >= this.#windowProbeAtMs
  }

  asked(nowMs: number, rtoMs: number): void {
    this.#askAtMs = nowMs + this.#idleTimeoutMs / 4
    this.#windowProbeAtMs = nowMs + Math.min(RETRY_MAX_MS, rtoMs * 2 ** ++this.#windowProbes)
  }

  /** @param isShutOut only the peer's window keeps us from sending (RFC 9293 §3.8.6.1, zero-window probing) */
  noteWindow(isShutOut: boolean, nowMs: number, rtoMs: number): void {
    if (!isShutOut) {
      this.#windowProbeAtMs = Infinity
      this.#windowProbes = 0
    } else if (this.#windowProbeAtMs === Infinity) this.#windowProbeAtMs = nowMs + rtoMs
  }

  deadlineMs(): number {
    return Math.min(this.#heardAtMs + this.#idleTimeoutMs, this.#askAtMs, this.#windowProbeAtMs)
  }
}
