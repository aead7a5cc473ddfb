/**
 * Questions that wait until it is known whether somebody is at an address. The machine asks for a probe by an event; a driver
 * knocks (conflict-probe.ts) and answers. Other clients are served meanwhile.
 */

/** How long an answer is waited for; without one the address counts as vacant. */
export const PROBE_MS_MAX = 1_000
/** Beyond, addresses are offered without a probe: a flood of new clients must not be held up. */
export const PROBES_MAX = 64

/** Who was found at an address. */
export interface ProbeResult {
  /** A hardware address, or other words. */
  readonly holder: string
  /** Known from before: whether it is there still will be known only some time after the question. */
  readonly isStale: boolean
}

export class Probes<Question> {
  /** By address; the oldest first, so also the one that ends first. */
  readonly #waiting = new Map<number, { question: Question; readonly untilMs: number }>()

  get isFull(): boolean {
    return this.#waiting.size >= PROBES_MAX
  }

  begin(yiaddr: number, question: Question, nowMs: number): void {
    this.#waiting.set(yiaddr, { question, untilMs: nowMs + PROBE_MS_MAX })
  }

  /** The client asks again: it gets its answer to what it asked last. False: nothing waits for this address. */
  renew(yiaddr: number, question: Question): boolean {
    const waiting = this.#waiting.get(yiaddr)
    if (waiting !== undefined) waiting.question = question
    return waiting !== undefined
  }

  /** The question that waited, which waits no more; undefined where none did. */
  end(yiaddr: number): Question | undefined {
    const question = this.#waiting.get(yiaddr)?.question
    this.#waiting.delete(yiaddr)
    return question
  }

  deadlineMs(): number {
    for (const { untilMs } of this.#waiting.values()) return untilMs
    return Infinity
  }

  /** An address that has waited long enough. */
  due(nowMs: number): number | undefined {
    for (const [yiaddr, { untilMs }] of this.#waiting) return untilMs <= nowMs ? yiaddr : undefined
    return undefined
  }
}
