/**
 * Outgoing datagrams, written one after another into slabs of memory, so that no datagram needs an allocation.
 * Consecutive datagrams of one path and one size form a train, which leaves in a single system call if the system
 * supports that (UDP_SEGMENT); only the last datagram of a train may be shorter.
 */
import type { Path } from '../../kit/endpoint.ts'

const SLAB_BYTES = 64 * 1024
/** The limits of Linux for one call: UDP_MAX_SEGMENTS, and the length of an IP packet. */
const SEGMENTS_MAX = 64
const TRAIN_BYTES_MAX = 61_440
/** Full slabs that are kept for reuse. What a flood needs beyond these is left to the garbage collector. */
const SPARE_SLABS_MAX = 64

/** Sends `bytes` as datagrams of `segmentBytes`. The bytes stay unchanged until `reclaim`. */
export type SendTrain = (path: Path, bytes: Uint8Array, segmentBytes: number) => void

export class Trains {
  readonly #send: SendTrain
  /** Full slabs whose bytes may still be on their way out. */
  readonly #full: Slab[] = []
  readonly #spare: Slab[] = []
  #path: Path | undefined
  #slab = newSlab()
  #startAt = 0
  #at = 0
  #segmentBytes = 0
  #segments = 0
  #isClosed = false

  constructor(send: SendTrain) {
    this.#send = send
  }

  /**
   * Where to write the next datagram: from `at` on there is room for `sizeBytes`, which is at most DATAGRAM_BYTES_MAX.
   */
  room(sizeBytes: number): { readonly bytes: Uint8Array; readonly view: DataView; readonly at: number } {
    if (this.#at + sizeBytes > this.#slab.bytes.length) {
      this.flush()
      if (this.#full.length < SPARE_SLABS_MAX) this.#full.push(this.#slab)
      this.#slab = this.#spare.pop() ?? newSlab()
      this.#at = 0
      this.#startAt = 0
    }
    return { bytes: this.#slab.bytes, view: this.#slab.view, at: this.#at }
  }

  /** Adds the datagram that was written there to a train. */
  add(path: Path, sizeBytes: number): void {
    const fits = path === this.#path && !this.#isClosed && sizeBytes <= this.#segmentBytes && this.#segments < SEGMENTS_MAX
      && this.#at + sizeBytes - this.#startAt <= TRAIN_BYTES_MAX
    if (!fits) {
      this.flush()
      this.#path = path
      this.#segmentBytes = sizeBytes
    }
    this.#at += sizeBytes
    this.#segments++
    this.#isClosed = sizeBytes < this.#segmentBytes
  }

  /** Sends the current train. */
  flush(): void {
    if (this.#path !== undefined && this.#segments > 0) this.#send(this.#path, this.#slab.bytes.subarray(this.#startAt, this.#at), this.#segmentBytes)
    this.#startAt = this.#at
    this.#segments = 0
    this.#isClosed = false
    this.#path = undefined
  }

  /** Everything flushed has been sent, so its memory can be reused. */
  reclaim(): void {
    this.#spare.push(...this.#full.splice(0))
    if (this.#segments > 0) return
    this.#at = 0
    this.#startAt = 0
  }
}

interface Slab {
  readonly bytes: Uint8Array
  readonly view: DataView
}

function newSlab(): Slab {
  const bytes = new Uint8Array(SLAB_BYTES)
  return { bytes, view: new DataView(bytes.buffer) }
}
