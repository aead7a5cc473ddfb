/** The greatest rate of the current and the last cycle of probing: what BBR takes for the bottleneck's (draft-ietf-ccwg-bbr, MaxBwFilter). */

export class BandwidthFilter {
  #now = 0
  #before = 0

  /** 0: nothing was measured. */
  get bytesPerMs(): number {
    return Math.max(this.#now, this.#before)
  }

  add(bytesPerMs: number): void {
    this.#now = Math.max(this.#now, bytesPerMs)
  }

  /** The cycle before the last is forgotten; one without samples says nothing. */
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
