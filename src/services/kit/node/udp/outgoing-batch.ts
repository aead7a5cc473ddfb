/** The sending half of the batch add-on's slab: datagrams of one socket that wait to leave together. All doors share it. */
import { constants } from 'node:os'
import type { BatchAddOn, NativeSocket } from './batch-add-on.ts'
import { WAY_WORDS } from './ways.ts'

/** Called with the number of the error by which a datagram was lost. */
type Lost = (errno: number) => void

/** Longer ones do not exist: UDP's length field has 16 bits. The system refuses the last few below. */
const DATAGRAM_BYTES_MAX = 65_535

const batches = new WeakMap<BatchAddOn, OutgoingBatch>()

/** There is one sending half, so there is one of these. */
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

  /** Copies a datagram in. What another socket left there, or what fills the batch, is sent before. */
  add(socket: NativeSocket, words: Uint32Array, bytes: Uint8Array, lost: Lost): void {
    const { goes, sendOffsets, sendLengths, sending } = this.#addOn
    if (bytes.length > DATAGRAM_BYTES_MAX) return lost(constants.errno.EMSGSIZE)
    if (socket !== this.#socket || this.#count === this.#countMax || this.#bytes + bytes.length > sending.length) this.transmit()
    this.#socket = socket
    this.#lost = lost
    goes.set(words, this.#count * WAY_WORDS)
    sendOffsets[this.#count] = this.#bytes
    sendLengths[this.#count] = bytes.length
    sending.set(bytes, this.#bytes)
    this.#count++
    this.#bytes += bytes.length
  }

  /** Sends a train at once, without a copy, behind what waits. */
  sendTrain(socket: NativeSocket, words: Uint32Array, bytes: Uint8Array, segmentBytes: number, lost: Lost): void {
    this.transmit()
    this.#addOn.goes.set(words)
    const errno = this.#addOn.sendTrain(socket, bytes, segmentBytes)
    if (errno !== 0) lost(errno)
  }

  /** Hands what waits to the system. */
  transmit(): void {
    const count = this.#count
    if (count === 0 || this.#socket === undefined) return
    this.#count = 0
    this.#bytes = 0
    const errno = this.#addOn.send(this.#socket, count)
    if (errno !== 0) this.#lost(errno)
  }

  /** Hands to the system what waits of this socket. */
  flush(socket: NativeSocket): void {
    if (socket === this.#socket) this.transmit()
  }

  /** Drops what waits of a socket that is closed. */
  forget(socket: NativeSocket): void {
    if (socket !== this.#socket) return
    this.#socket = undefined
    this.#count = 0
    this.#bytes = 0
  }
}
