/**
 * Writes the packets of one connection straight into the outgoing train: header, acknowledgment, frames, and last the
 * bytes of a stream. A packet that was begun but not finished leaves no trace.
 *
 * Packet numbers count up by one, but now and then one is skipped. A peer that acknowledges a number that was never
 * sent is acknowledging packets that it has not seen, to be sent to faster (RFC 9000 §21.4).
 */
import type { Crc32 } from '../../kit/crc32.ts'
import type { Path } from '../../kit/endpoint.ts'
import { assert } from '../../kit/errors.ts'
import { below, type Random } from '../../kit/random.ts'
import { TOKENLESS_HELLO_BYTES, encodeEncryptedHelloHeader, encodeEncryptedShortHeader, encodeEncryptedWelcomeHeader, TAG_BYTES } from '../wire/encrypted-packet.ts'
import {
  ackBytes, encodeFrame, encodeStreamHeader, frameBytes, PARITY_STREAM_BYTES_MAX, parityHeaderBytes, streamHeaderBytes, type Frame, type PacketRange, type Parameters,
} from '../wire/frames.ts'
import { encodeLongHeader, encodeShortHeader, sealLong, sealShort, type NumberedPacket } from '../wire/packet.ts'
import type { ConnectionEncryption } from './encryption/connection-encryption.ts'
import type { Segment } from './send-buffer.ts'
import type { Stream } from './stream.ts'
import type { Trains } from './trains.ts'

export type Form = 'HELLO' | 'WELCOME' | 'SHORT'

/** The distance between two skipped numbers: a minimum, and a random addition. */
const SKIP_AFTER = 100
const SKIP_AFTER_MORE = 400
const SKIPPED_REMEMBERED = 8
/**
 * Shared placeholders until the first packet. Allocating them would cost a new connection as much as everything else
 * here.
 */
const NOTHING = new Uint8Array(0)
const NO_VIEW = new DataView(NOTHING.buffer)

export class PacketWriter {
  readonly localId: number
  /** 0 until it is known. */
  remoteId: number
  /** Whether to describe packets for an observer as they are written; may change between two packets. */
  isTraced = false
  readonly #trains: Trains
  readonly #random: Random
  readonly #sum: Crc32
  /** Undefined if the connection is not encrypted. */
  readonly #encryption: ConnectionEncryption | undefined
  #nextNumber = 0
  #skipAt: number
  readonly #skipped: number[] = []
  #form: Form = 'SHORT'
  #bytes: Uint8Array = NOTHING
  #view: DataView = NO_VIEW
  #startAt = 0
  /** Where the frames begin. */
  #contentAt = 0
  #at = 0
  #endAt = 0
  /** The frames written, for an observer. */
  #frames: Frame[] = []

  constructor(setup: {
    readonly localId: number; readonly remoteId: number; readonly trains: Trains; readonly random: Random; readonly sum: Crc32
    readonly encryption: ConnectionEncryption | undefined
  }) {
    this.localId = setup.localId
    this.remoteId = setup.remoteId
    this.#trains = setup.trains
    this.#random = setup.random
    this.#sum = setup.sum
    this.#encryption = setup.encryption
    this.#skipAt = this.#drawSkip()
  }

  /** The number of the next packet. */
  get nextNumber(): number {
    return this.#nextNumber
  }

  /** The number of bytes that still fit. */
  get room(): number {
    return this.#endAt - this.#at
  }

  /** Whether all packets in this range were sent, as far as is remembered. */
  hasSent({ first, last }: PacketRange): boolean {
    return last < this.#nextNumber && !this.#skipped.some(number => first <= number && number <= last)
  }

  begin(form: Form, sizeMax: number): void {
    const { bytes, view, at } = this.#trains.room(sizeMax)
    this.#form = form
    this.#bytes = bytes
    this.#view = view
    this.#startAt = at
    this.#endAt = at + sizeMax
    this.#frames = []
    if (this.#encryption !== undefined) return this.#beginEncrypted(this.#encryption)
    this.#at = form === 'SHORT'
      ? encodeShortHeader(view, at, this.remoteId, this.#nextNumber)
      : encodeLongHeader(view, at, form, this.remoteId, this.localId, this.#nextNumber)
  }

  /** Adds what every HELLO carries. An encrypted HELLO has its token in the header, and no frames until it has keys. */
  addHello(token: Uint8Array | undefined, parameters: Parameters): void {
    if (token !== undefined && this.#encryption === undefined) this.add({ kind: 'TOKEN', token })
    if (this.#encryption === undefined || this.#encryption.protection !== undefined) this.add({ kind: 'PARAMETERS', parameters })
  }

  /** @returns whether it fit */
  add(frame: Frame): boolean {
    if (frameBytes(frame) > this.room) return false
    this.#at = encodeFrame(frame, this.#bytes, this.#view, this.#at)
    if (this.isTraced) this.#frames.push(frame)
    return true
  }

  /** Adds an ACK with as many of the newest ranges as fit. */
  addAck(ranges: readonly PacketRange[], delayMs: number): void {
    let listed = ranges
    while (listed.length > 1 && ackBytes(delayMs, listed) > this.room) listed = listed.slice(0, listed.length >> 1)
    if (listed.length > 0) this.add({ kind: 'ACK', ranges: listed, delayMs })
  }

  /** Adds bytes of a stream, which extend to the end of the packet: nothing can follow. */
  addStream(stream: Stream, segment: Segment): void {
    const { offset, lengthBytes, fin } = segment
    const dataAt = encodeStreamHeader(stream.id, offset, fin, false, this.#view, this.#at)
    stream.copy(segment, this.#bytes, dataAt)
    this.#at = dataAt + lengthBytes
    if (this.isTraced) this.#frames.push({ kind: 'STREAM', streamId: stream.id, offset, fin, data: this.#plaintext(dataAt) })
  }

  /**
   * How many bytes of a stream fit after the header of their frame. While the stream may still get a parity, it is no
   * more than the parity has room for.
   */
  roomForStream(streamId: number, offset: number): number {
    return offset < PARITY_STREAM_BYTES_MAX ? this.roomForParity(streamId) : this.room - streamHeaderBytes(streamId, offset)
  }

  /** How many bytes of a parity fit after the header of its frame. */
  roomForParity(streamId: number): number {
    return this.room - parityHeaderBytes(streamId)
  }

  /** Pads the packet to its full size. */
  pad(): void {
    this.add({ kind: 'PADDING', lengthBytes: this.room })
  }

  /** Completes the packet and adds it to the train. */
  finish(path: Path): { readonly number: number; readonly sizeBytes: number; readonly packet: NumberedPacket | undefined } {
    if (this.#encryption !== undefined) this.#encrypt(this.#encryption)
    else if (this.#form === 'SHORT') sealShort(this.#bytes, this.#view, this.#startAt, this.#at, this.#sum)
    else sealLong(this.#bytes, this.#view, this.#startAt, this.#at, this.#sum)
    const number = this.#nextNumber++
    if (this.#nextNumber === this.#skipAt) {
      this.#skipped.push(this.#nextNumber++)
      if (this.#skipped.length > SKIPPED_REMEMBERED) this.#skipped.shift()
      this.#skipAt = this.#drawSkip()
    }
    const sizeBytes = this.#at - this.#startAt
    this.#trains.add(path, sizeBytes)
    return { number, sizeBytes, packet: this.isTraced ? this.#described(number) : undefined }
  }

  #beginEncrypted(encryption: ConnectionEncryption): void {
    const { remoteId, localId } = this
    const [bytes, view, at, number] = [this.#bytes, this.#view, this.#startAt, this.#nextNumber]
    if (this.#form === 'SHORT') this.#at = encodeEncryptedShortHeader(view, at, remoteId, number)
    else if (this.#form === 'WELCOME') this.#at = encodeEncryptedWelcomeHeader(view, at, remoteId, localId, number)
    else if (encryption.hello !== undefined) this.#at = encodeEncryptedHelloHeader(bytes, view, at, localId, number, encryption.hello)
    this.#contentAt = this.#at
    this.#endAt -= TAG_BYTES
  }

  #encrypt({ protection }: ConnectionEncryption): void {
    if (protection === undefined) {
      assert(this.#at === this.#contentAt, 'no frames are written before there are keys')
      const endAt = this.#startAt + TOKENLESS_HELLO_BYTES
      this.#bytes.fill(0, this.#at, endAt)
      this.#at = endAt
    } else this.#at = protection.encrypt(this.#form, this.#nextNumber, this.#bytes, this.#startAt, this.#contentAt, this.#at)
    if (this.#form !== 'SHORT') sealLong(this.#bytes, this.#view, this.#startAt, this.#at, this.#sum)
  }

  /** The bytes from `at` on, as plaintext that outlives encryption. */
  #plaintext(at: number): Uint8Array {
    return this.#encryption === undefined ? this.#bytes.subarray(at, this.#at) : this.#bytes.slice(at, this.#at)
  }

  #described(number: number): NumberedPacket {
    const { remoteId: destinationId, localId: sourceId } = this
    return this.#form === 'SHORT' ? { type: 'SHORT', destinationId, number, frames: this.#frames } : { type: this.#form, destinationId, sourceId, number, frames: this.#frames }
  }

  #drawSkip(): number {
    return this.#nextNumber + SKIP_AFTER + below(this.#random, SKIP_AFTER_MORE)
  }
}
