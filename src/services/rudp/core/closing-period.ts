/**
 * How a closed connection behaves until it is forgotten: packets that still arrive are answered now and then, or not at
 * all (RFC 9000 §10.2).
 */

/** How long a closed connection lingers, in probe times. */
const LINGER_PROBE_TIMES = 3

export class ClosingPeriod {
  /** When the connection may be forgotten. */
  deadlineMs = Infinity
  /** The code of our CONNECTION_CLOSE. */
  code = 0
  #packets = 0

  begin(probeMs: number, nowMs: number): void {
    this.deadlineMs = nowMs + LINGER_PROBE_TIMES * probeMs
  }

  /**
   * A packet arrived. Only the first, second, fourth, eighth … is answered, so a peer that does not hear us cannot make
   * us send much (RFC 9000 §10.2.1).
   */
  shouldAnswer(): boolean {
    this.#packets++
    return (this.#packets & (this.#packets - 1)) === 0
  }
}
