/**
 * Many short runs of octets in one block of memory. A run is its length in two octets followed by its content, and is
 * identified by its offset; 0 means none. Runs never move or change. Dropped runs are only counted; once they take up most of
 * the heap, the owner copies the live ones into a new heap.
 *
 *     0    2    4               length  content        length  content
 *     +----+----+--- … ---+---------+-----------+---------+-----------+--- …
 */
const FIRST_BYTES = 4096
const LENGTH_BYTES = 2
const RUN_BYTES_MAX = 0xffff
/** Less waste than this is not worth copying. */
const WASTE_BYTES_MIN = 1024 * 1024

export class OctetHeap {
  #bytes = new Uint8Array(FIRST_BYTES)
  #end = LENGTH_BYTES
  #wasteBytes = 0

  /** @param octets at most 65,535 */
  add(octets: Uint8Array): number {
    const at = this.#begin(octets.length)
    if (octets.length > 16) this.#bytes.set(octets, at + LENGTH_BYTES)
    else for (let index = 0; index < octets.length; index++) this.#bytes[at + LENGTH_BYTES + index] = octets[index] ?? 0
    return at
  }

  /** Adds `text` from `start` to `end`, one octet per character. */
  addText(text: string, start: number, end: number): number {
    const at = this.#begin(end - start)
    for (let index = start; index < end; index++) this.#bytes[at + LENGTH_BYTES + index - start] = text.charCodeAt(index)
    return at
  }

  /** Copies a run of another heap. */
  addFrom(other: OctetHeap, run: number): number {
    return this.add(other.view(run))
  }

  drop(run: number): void {
    this.#wasteBytes += LENGTH_BYTES + this.lengthOf(run)
  }

  get isWasteful(): boolean {
    return this.#wasteBytes > WASTE_BYTES_MIN && this.#wasteBytes * 2 > this.#end
  }

  lengthOf(run: number): number {
    return (this.#bytes[run] ?? 0) * 0x100 + (this.#bytes[run + 1] ?? 0)
  }

  octet(run: number, index: number): number {
    return this.#bytes[run + LENGTH_BYTES + index] ?? 0
  }

  /** A view of the run, for brief use only: it keeps the whole heap alive. */
  view(run: number): Uint8Array {
    return this.#bytes.subarray(run + LENGTH_BYTES, run + LENGTH_BYTES + this.lengthOf(run))
  }

  text(run: number): string {
    let text = ''
    const length = this.lengthOf(run)
    for (let index = 0; index < length; index++) text += String.fromCharCode(this.octet(run, index))
    return text
  }

  #begin(length: number): number {
    if (length > RUN_BYTES_MAX) throw new RangeError(`a run of ${length} octets, ${RUN_BYTES_MAX} is the limit`)
    const at = this.#end
    this.#end += LENGTH_BYTES + length
    if (this.#end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#end, this.#bytes.length * 2))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes[at] = length >>> 8
    this.#bytes[at + 1] = length & 255
    return at
  }
}
