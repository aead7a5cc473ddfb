/**
 * Requests that wait for an address to be probed. The machine asks for a probe by an event; the driver performs it
 * (conflict-probe.ts) and reports the result. Other clients are served meanwhile.
 */

/** How long to wait for a result. Without one the address counts as vacant. */
export const PROBE_MS_MAX = 1_000
/** With this many probes pending, addresses are offered unprobed: a flood of new clients must not be delayed. */
export const PROBES_MAX = 64

/** A host found at an address. */
export interface ProbeResult {
  /** Its hardware address, or how it made itself known. */
  readonly holder: string
  /**
   * The ARP entry is older than the probe: whether the host is still there will be known only some time after the
   * probe.
   */
  readonly isStale: boolean
}

export class Probes<Request> {
  /** By address. The oldest comes first, and so the one that times out first. */
  readonly #pending = new Map<number, { request: Request; readonly untilMs: number }>()

  get isFull(): boolean {
    return this.#pending.size >= PROBES_MAX
  }

  begin(yiaddr: number, request: Request, nowMs: number): void {
    this.#pending.set(yiaddr, { request, untilMs: nowMs + PROBE_MS_MAX })
  }

  /**
   * The client asked again: replaces its request, so that the last one is answered.
   * @returns false if no probe of this address is pending
   */
  replace(yiaddr: number, request: Request): boolean {
    const pending = this.#pending.get(yiaddr)
    if (pending !== undefined) pending.request = request
    return pending !== undefined
  }

  /** Removes and returns the request that waited for this address, if any. */
  end(yiaddr: number): Request | undefined {
    const request = this.#pending.get(yiaddr)?.request
    this.#pending.delete(yiaddr)
    return request
  }

  deadlineMs(): number {
    for (const { untilMs } of this.#pending.values()) return untilMs
    return Infinity
  }

  /** An address whose probe has timed out. */
  due(nowMs: number): number | undefined {
    for (const [yiaddr, { untilMs }] of this.#pending) return untilMs <= nowMs ? yiaddr : undefined
    return undefined
  }
}
