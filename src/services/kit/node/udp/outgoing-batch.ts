/** The sending half of the batch add-on's slab: datagrams of one socket, queued to leave together. All doors share it. */
import { constants } from 'node:os'
import type { BatchAddOn, NativeSocket } from './batch-add-on.ts'
import { PATH_WORDS } from './native-paths.ts'

/** Called with the errno of a lost datagram. */
type Lost = (errno: number) => void

/** UDP's length field has 16 bits. The system refuses the last few lengths below this. */
const DATAGRAM_BYTES_MAX = 65_535

const batches = new WeakMap<BatchAddOn, OutgoingBatch>()

/** The add-on has one sending half, so it has one of these. */
export function outgoingBatchOf(addOn: BatchAddOn): OutgoingBatch {
  let batch = batches.get(addOn)
  if (batch === undefined) batches.set(addOn, batch = new OutgoingBatch(addOn))
  return batch
}

export class OutgoingBatch {
  readonly #addOn: BatchAddOn
  readonly #countMax: number
  #socket: NativeSocket | undefined
  #lost: Lost = () => undefined
  #count = 0
  #bytes = 0

  constructor(addOn: BatchAddOn) {
    this.#addOn = addOn
    this.#countMax = addOn.sendLengths.length
  }

  /** Queues a copy of a datagram. Sends first what another socket has queued, or what fills the batch. */
  add(socket: NativeSocket, words: Uint32Array, bytes: Uint8Array, lost: Lost): void {
    const { sendPaths, sendOffsets, sendLengths, sendBytes } = this.#addOn
    if (bytes.length > DATAGRAM_BYTES_MAX) return lost(constants.errno.EMSGSIZE)
    if (socket !== this.#socket || this.#count === this.#countMax || this.#bytes + bytes.length > sendBytes.length) this.transmit()
    this.#socket = socket
    this.#lost = lost
    sendPaths.set(words, this.#count * PATH_WORDS)
    sendOffsets[this.#count] = this.#bytes
    sendLengths[this.#count] = bytes.length
    sendBytes.set(bytes, this.#bytes)
    this.#count++
    this.#bytes += bytes.length
  }

  /** Sends a train at once and without a copy, after what is queued. */
  sendTrain(socket: NativeSocket, words: Uint32Array, bytes: Uint8Array, segmentBytes: number, lost: Lost): void {
    this.transmit()
    this.#addOn.sendPaths.set(words)
    const errno = this.#addOn.sendTrain(socket, bytes, segmentBytes)
    if (errno !== 0) lost(errno)
  }

  /** Hands what is queued to the system. */
  transmit(): void {
    const count = this.#count
    if (count === 0 || this.#socket === undefined) return
    this.#count = 0
    this.#bytes = 0
    const errno = this.#addOn.send(this.#socket, count)
    if (errno !== 0) this.#lost(errno)
  }

  /** Hands to the system what this socket has queued. */
  flush(socket: NativeSocket): void {
    if (socket === this.#socket) this.transmit()
  }

  /** Drops what a closed socket has queued. */
  forget(socket: NativeSocket): void {
    if (socket !== this.#socket) return
    this.#socket = undefined
    this.#count = 0
    this.#bytes = 0
  }
}
