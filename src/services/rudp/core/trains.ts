/**
 * Datagrams on their way out, written one behind the other into slabs. Those of one path and one size become a train, which leaves by
 * a single system call where the system can do that (UDP_SEGMENT); its last datagram may be shorter. No datagram has memory of
 * its own.
 */
import type { Path } from '../../kit/endpoint.ts'

const SLAB_BYTES = 64 * 1024
/** What Linux takes in one call: UDP_MAX_SEGMENTS, and the length of an IP packet. */
const SEGMENTS_MAX = 64
const TRAIN_BYTES_MAX = 61_440
/** Full slabs that wait to be used again; what a flood needs besides is left to the garbage collector. */
const SPARE_SLABS_MAX = 64

/** Sends `bytes` cut into datagrams of `segmentBytes`. They stay as they are until `reclaim`. */
export type SendTrain = (path: Path, bytes: Uint8Array, segmentBytes: number) => void

export class Trains {
  readonly #send: SendTrain
  /** Full, with bytes that may still be on their way out. */
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

  /** Where the next datagram is to be written: from `at` on there is room for `sizeBytes`, at most DATAGRAM_BYTES_MAX. */
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

  /** The datagram that was written there is complete. */
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

  /** The train leaves. */
  flush(): void {
    if (this.#path !== undefined && this.#segments > 0) this.#send(this.#path, this.#slab.bytes.subarray(this.#startAt, this.#at), this.#segmentBytes)
    this.#startAt = this.#at
    this.#segments = 0
    this.#isClosed = false
    this.#path = undefined
  }

  /** Everything that left by `flush` was sent: its memory is used again. */
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
