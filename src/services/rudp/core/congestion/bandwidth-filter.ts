/**
 * The maximum rate of the current and the last probing cycle, which BBR takes for the rate of the bottleneck
 * (draft-ietf-ccwg-bbr, MaxBwFilter).
 */

export class BandwidthFilter {
  #now = 0
  #before = 0

  /** 0 if nothing has been measured. */
  get bytesPerMs(): number {
    return Math.max(this.#now, this.#before)
  }

  add(bytesPerMs: number): void {
    this.#now = Math.max(this.#now, bytesPerMs)
  }

  /** Begins a new cycle and forgets the one before the last. A cycle without samples is not counted. */
  nextCycle(): void {
    if (this.#now === 0) return
    this.#before = this.#now
    this.#now = 0
  }

  forget(): void {
    this.#now = 0
    this.#before = 0
  }
}
