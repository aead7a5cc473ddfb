/**
 * DHCPINFORM (RFC 2131 §4.4.3): asks for the parameters that go with an address this machine already has. It is not
 * part of the state diagram in figure 5, so it is a machine of its own.
 */
import type { Path } from '../../kit/endpoint.ts'
import { MalformedPacket } from '../../kit/errors.ts'
import type { Effect, Machine } from '../../kit/machine.ts'
import type { Random } from '../../kit/random.ts'
import { HAMLET_CLASS } from '../wire/hamlet-options.ts'
import { OP } from '../wire/header.ts'
import { decodeMessage, MESSAGE_TYPE } from '../wire/message.ts'
import { PARAMETER_REQUEST_LIST, encodeClientMessage, identifierOf } from './client-message.ts'
import { leaseFrom, type Lease } from './lease.ts'

export interface InformEvent {
  readonly kind: 'informed'
  readonly lease: Lease
}

/** Where to send an INFORM, and this machine's address on that link. */
export interface InformTarget {
  readonly path: Path
  readonly ciaddr: number
}

const RETRY_MS = 1000
const ATTEMPTS_MAX = 8

export class DhcpInform implements Machine<InformEvent> {
  readonly outbox: Effect<InformEvent>[] = []
  readonly #mac: Uint8Array
  readonly #targets: readonly InformTarget[]
  readonly #xid: number
  #startedAtMs = 0
  #retryAtMs = Infinity
  #attempts = 0

  constructor(mac: Uint8Array, targets: readonly InformTarget[], random: Random) {
    this.#mac = mac
    this.#targets = targets
    this.#xid = random.uint32()
  }

  start(nowMs: number): void {
    this.#startedAtMs = nowMs
    this.timeout(nowMs)
  }

  receive(bytes: Uint8Array, _path: Path, nowMs: number): void {
    try {
      const message = decodeMessage(bytes)
      const { messageType, serverIdentifier } = message.options
      if (message.op !== OP.reply || message.xid !== this.#xid || messageType !== MESSAGE_TYPE.ACK || serverIdentifier === undefined) return
      this.#retryAtMs = Infinity
      this.outbox.push({ kind: 'event', event: { kind: 'informed', lease: { ...leaseFrom(message, serverIdentifier), obtainedAtMs: nowMs, askedAtMs: this.#startedAtMs, tookMs: nowMs - this.#startedAtMs } } })
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
    }
  }

  timeout(nowMs: number): void {
    this.#retryAtMs = ++this.#attempts < ATTEMPTS_MAX ? nowMs + RETRY_MS : Infinity
    for (const { path, ciaddr } of this.#targets) {
      const options = { messageType: MESSAGE_TYPE.INFORM, clientIdentifier: identifierOf(this.#mac), parameterRequestList: PARAMETER_REQUEST_LIST, vendorClass: HAMLET_CLASS }
      this.outbox.push({ kind: 'send', path, bytes: encodeClientMessage(this.#mac, this.#xid, 0, ciaddr, options) })
    }
  }

  deadlineMs(): number {
    return this.#retryAtMs
  }
}
