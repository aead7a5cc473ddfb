/**
 * Datagrams on their way out, written one behind the other into slabs. Those of one path and one size become a train, which leaves by
 * a single system call where the system can do that (UDP_SEGMENT); its last datagram may be shorter. No datagram has memory of
 * its own.
 */
import type { Path } from '../../kit/endpoint.ts'
import { DATAGRAM_BYTES_MAX } from '../wire/packet.ts'

const SLAB_BYTES = 64 * 1024
/** What Linux takes in one call: UDP_MAX_SEGMENTS, and the length of an IP packet. */
const SEGMENTS_MAX = 64
const TRAIN_BYTES_MAX = 61_440

/** Sends `bytes` cut into datagrams of `segmentBytes`. The bytes are not used again here. */
export type SendTrain = (path: Path, bytes: Uint8Array, segmentBytes: number) => void

export class Trains {
  readonly #send: SendTrain
  #path: Path | undefined
  #bytes = new Uint8Array(0)
  #view = new DataView(this.#bytes.buffer)
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
    if (this.#at + sizeBytes > this.#bytes.length) {
      this.flush()
      this.#bytes = new Uint8Array(Math.max(SLAB_BYTES, Math.min(sizeBytes, DATAGRAM_BYTES_MAX)))
      this.#view = new DataView(this.#bytes.buffer)
      this.#at = 0
      this.#startAt = 0
    }
    return { bytes: this.#bytes, view: this.#view, at: this.#at }
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
    if (this.#path !== undefined && this.#segments > 0) this.#send(this.#path, this.#bytes.subarray(this.#startAt, this.#at), this.#segmentBytes)
    this.#startAt = this.#at
    this.#segments = 0
    this.#isClosed = false
    this.#path = undefined
  }
}
