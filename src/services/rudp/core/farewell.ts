/** How a connection that has ended behaves until it is forgotten: what still comes is answered now and then, or not at all (RFC 9000 §10.2). */

/** How long an ended connection knows what is still on the way, in probe times. */
const LINGER_PROBE_TIMES = 3

export class Farewell {
  /** When the connection may be forgotten. */
  deadlineMs = Infinity
  /** What CONNECTION_CLOSE said. */
  code = 0
  #packets = 0

  begin(probeMs: number, nowMs: number): void {
    this.deadlineMs = nowMs + LINGER_PROBE_TIMES * probeMs
  }

  /** A packet came. The first, second, fourth, eighth … is answered: a peer that does not hear cannot make us loud (RFC 9000 §10.2.1). */
  shallAnswer(): boolean {
    this.#packets++
    return (this.#packets & (this.#packets - 1)) === 0
  }
}
