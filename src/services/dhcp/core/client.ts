/**
 * The DHCP client as a machine: RFC 2131 §4.4, figure 5. It only learns: nothing is applied to an interface, so its
 * questions come from an address that the machine already has, or from none, and it asks for broadcast answers. TRANSITIONS
 * is figure 5; asking again in the same state is no transition, and nothing is given back.
 */
import type { Path } from '../../kit/endpoint.ts'
import { MalformedPacket } from '../../kit/errors.ts'
import type { Effect, Machine } from '../../kit/machine.ts'
import { fraction, type Random } from '../../kit/random.ts'
import { HAMLET_CLASS, PROBE_IDENTIFIER } from '../wire/hamlet-options.ts'
import { OP } from '../wire/header.ts'
import { decodeMessage, MESSAGE_TYPE, type Message } from '../wire/message.ts'
import type { Options } from '../wire/options.ts'
import { INFINITE_LEASE, leaseFrom, printable, type Lease } from './lease.ts'
import { PARAMETER_REQUEST_LIST, encodeClientMessage, identifierOf } from './client-message.ts'

export const TRANSITIONS = {
  INIT: { start: 'SELECTING' },
  'INIT-REBOOT': { start: 'REBOOTING' },
  REBOOTING: { ack: 'BOUND', nak: 'INIT', silence: 'INIT' },
  SELECTING: { offer: 'REQUESTING', probed: 'INIT' },
  REQUESTING: { ack: 'BOUND', nak: 'INIT', silence: 'INIT' },
  BOUND: { t1: 'RENEWING' },
  RENEWING: { ack: 'BOUND', nak: 'INIT', t2: 'REBINDING' },
  REBINDING: { ack: 'BOUND', nak: 'INIT', expired: 'INIT' },
} as const
export type ClientState = keyof typeof TRANSITIONS
type Input = { [State in ClientState]: keyof (typeof TRANSITIONS)[State] }[ClientState]

export type ClientEvent =
  | { readonly kind: 'state'; readonly from: ClientState; readonly to: ClientState }
  | { readonly kind: 'offered'; readonly lease: Lease }
  | { readonly kind: 'bound'; readonly lease: Lease; readonly path: Path }
  /** A server said no; the client begins again. */
  | { readonly kind: 'refused'; readonly why: string }
  /** The address may not be used any more. */
  | { readonly kind: 'lost'; readonly why: string }

export interface ClientOptions {
  readonly mac: Uint8Array
  readonly hostName: string
  readonly random: Random
  /** Where questions to all servers go: one way for each interface. */
  readonly toAll: readonly Path[]
  /** Ask what would be lent, and take nothing. */
  readonly probe: boolean
  /** An address that was lent before, and is asked for again first; 0 for none. */
  readonly remembered: number
  /** Servers answer as RFC 2131 §4.1 says: to the address that is lent, or to all; never to where they were asked from. */
  readonly answeredToAll: boolean
}

/** RFC 2131 §4.1 begins with 4 s, made for the bridges of its time, and doubles to 64 s. */
const FIRST_RETRY_MS = 1000
const LAST_RETRY_MS = 64_000
/** Each wait is shorter or longer by up to a quarter, so that clients that began together do not stay together. */
const RETRY_SPREAD = 0.25
const REQUESTS_MAX = 4
/** A server that does not know the client is silent (RFC 2131 §4.3.2), and its silence is known after about 3 s. */
const REBOOT_REQUESTS_MAX = 2
/** RFC 2131 §4.4.5 */
const EXTENSION_RETRY_MS_MIN = 60_000
/** Between a lease and the question that renews it, whatever the server sets. */
const REST_MS_MIN = 3000

/** The lease in hand and its times (RFC 2131 §4.4.5), absolute. */
interface Held {
  readonly lease: Lease
  readonly yiaddr: number
  readonly serverIdentifier: number
  /** To the server that lent. */
  readonly path: Path
  readonly t1AtMs: number
  readonly t2AtMs: number
  readonly expiresAtMs: number
}

export class DhcpClient implements Machine<ClientEvent> {
  readonly outbox: Effect<ClientEvent>[] = []
  readonly #options: ClientOptions
  #state: ClientState
  #xid = 0
  #startedAtMs = 0
  #askedAtMs = 0
  #retryAtMs = Infinity
  #attempts = 0
  /** In a row. */
  #refusals = 0
  /** The address that is asked for, until a server refuses it. */
  #wished: number | undefined
  #offer: { readonly yiaddr: number; readonly serverIdentifier: number } | undefined
  #held: Held | undefined

  constructor(options: ClientOptions) {
    this.#options = options
    this.#state = options.remembered === 0 ? 'INIT' : 'INIT-REBOOT'
    this.#wished = options.remembered === 0 ? undefined : options.remembered
  }

  get state(): ClientState {
    return this.#state
  }

  /** Begins to look for a server. Without effect where it has begun already. */
  start(nowMs: number): void {
    if (!this.#go('start')) return
    this.#startedAtMs = nowMs
    this.#xid = this.#options.random.uint32()
    this.#attempts = 0
    this.#askAgain(nowMs)
  }

  receive(bytes: Uint8Array, path: Path, nowMs: number): void {
    let message: Message
    try {
      message = decodeMessage(bytes)
    } catch (error) {
      if (error instanceof MalformedPacket) return
      throw error
    }
    if (message.op !== OP.reply || message.xid !== this.#xid) return
    switch (message.options.messageType) {
      case MESSAGE_TYPE.OFFER: return this.#takeOffer(message, nowMs)
      case MESSAGE_TYPE.ACK: return this.#takeAck(message, path, nowMs)
      case MESSAGE_TYPE.NAK: return this.#takeNak(message, nowMs)
      default: // No other message is an answer to a client.
    }
  }

  timeout(nowMs: number): void {
    if (nowMs < this.deadlineMs()) return
    switch (this.#state) {
      case 'INIT':
      case 'INIT-REBOOT': return this.start(nowMs)
      case 'SELECTING': return this.#askAgain(nowMs)
      case 'REBOOTING':
      case 'REQUESTING': {
        if (this.#attempts < (this.#state === 'REBOOTING' ? REBOOT_REQUESTS_MAX : REQUESTS_MAX)) return this.#askAgain(nowMs)
        if (this.#state === 'REBOOTING') this.#lose('no server confirms the address that this machine had')
        this.#go('silence')
        return this.start(nowMs)
      }
      case 'BOUND':
      case 'RENEWING':
      case 'REBINDING': return this.#goOn(nowMs)
    }
  }

  deadlineMs(): number {
    return this.#state === 'BOUND' ? Math.min(this.#held?.t1AtMs ?? Infinity, this.#held?.expiresAtMs ?? Infinity) : this.#retryAtMs
  }

  /**
   * DISCOVER, or a REQUEST for what was offered or is remembered: to all, so that servers that were not chosen take their
   * offers back (RFC 2131 §3.1 step 3).
   */
  #askAgain(nowMs: number): void {
    if (this.#state !== 'SELECTING' && this.#attempts === 0) this.#askedAtMs = nowMs
    this.#retryAtMs = nowMs + this.#backoffMs()
    this.#send(this.#options.toAll, 0, { ...this.#question(), ...this.#wishes() }, nowMs)
  }

  #question(): Options {
    switch (this.#state) {
      case 'REBOOTING': return { messageType: MESSAGE_TYPE.REQUEST, requestedAddress: this.#wished }
      case 'REQUESTING': return { messageType: MESSAGE_TYPE.REQUEST, requestedAddress: this.#offer?.yiaddr, serverIdentifier: this.#offer?.serverIdentifier }
      default: return { messageType: MESSAGE_TYPE.DISCOVER, requestedAddress: this.#wished }
    }
  }

  /** The first offer is taken. */
  #takeOffer(message: Message, nowMs: number): void {
    const { serverIdentifier } = message.options
    if (this.#state !== 'SELECTING' || serverIdentifier === undefined || message.yiaddr === 0) return
    if (this.#options.probe) {
      this.#go('probed')
      this.#retryAtMs = Infinity
      this.outbox.push({ kind: 'event', event: { kind: 'offered', lease: this.#leaseOf(message, serverIdentifier, nowMs, nowMs) } })
      return
    }
    this.#go('offer')
    this.#offer = { yiaddr: message.yiaddr, serverIdentifier }
    this.#attempts = 0
    this.#askAgain(nowMs)
  }

  /** T1 has come, or T2, or the end: several at once where the machine slept, or the lease is shorter than a wait. */
  #goOn(nowMs: number): void {
    const held = this.#held
    if (held === undefined) return
    this.#go('t1')
    if (nowMs >= held.t2AtMs) this.#go('t2')
    if (nowMs < held.expiresAtMs) return this.#extend(nowMs, held)
    this.#go('expired')
    this.#lose('the lease ended and no server renewed it')
    this.start(nowMs)
  }

  /**
   * RENEWING asks the server that lent, REBINDING asks all; half of the time that is left, a minute at least (RFC 2131 §4.4.5).
   * Where answers come to all, both would be answered at the address that is lent, which no interface here has: the server is
   * asked to confirm that address, as a client does that begins anew, and answers that to all.
   */
  #extend(nowMs: number, held: Held): void {
    const rebinding = this.#state === 'REBINDING'
    const untilMs = rebinding ? held.expiresAtMs : held.t2AtMs
    this.#retryAtMs = Math.min(untilMs, nowMs + Math.max(EXTENSION_RETRY_MS_MIN, (untilMs - nowMs) / 2))
    this.#askedAtMs = nowMs
    this.#startedAtMs = nowMs
    const { answeredToAll, toAll } = this.#options
    const asked: Options = { messageType: MESSAGE_TYPE.REQUEST, requestedAddress: answeredToAll ? held.yiaddr : undefined, ...this.#wishes() }
    this.#send(rebinding || answeredToAll ? toAll : [held.path], answeredToAll ? 0 : held.yiaddr, asked, nowMs)
  }

  #takeAck(message: Message, path: Path, nowMs: number): void {
    const asked = this.#state === 'REBOOTING' ? this.#wished : this.#state === 'REQUESTING' ? this.#offer?.yiaddr : this.#held?.yiaddr
    const { leaseSeconds } = message.options
    const serverIdentifier = message.options.serverIdentifier ?? this.#held?.serverIdentifier
    if (message.yiaddr !== asked || leaseSeconds === undefined || serverIdentifier === undefined) return
    if (leaseSeconds === 0) return this.#takeRefusal('the server lends for 0 s', nowMs)
    if (!this.#go('ack')) return
    const lastsMs = leaseSeconds === INFINITE_LEASE ? Infinity : leaseSeconds * 1000
    const { t1Ms, t2Ms } = renewalTimes(message.options, lastsMs)
    const t1AtMs = Math.max(this.#askedAtMs + t1Ms, nowMs + REST_MS_MIN)
    const lease = this.#leaseOf(message, serverIdentifier, this.#askedAtMs, nowMs)
    this.#held = {
      lease, path, serverIdentifier, yiaddr: message.yiaddr,
      t1AtMs, t2AtMs: Math.max(this.#askedAtMs + t2Ms, t1AtMs), expiresAtMs: this.#askedAtMs + lastsMs,
    }
    this.#refusals = 0
    this.outbox.push({ kind: 'event', event: { kind: 'bound', lease, path } })
  }

  #takeNak({ options }: Message, nowMs: number): void {
    if (this.#state === 'REQUESTING' && options.serverIdentifier !== this.#offer?.serverIdentifier) return
    this.#takeRefusal(options.message === undefined || options.message === '' ? 'the server refused' : printable(options.message), nowMs)
  }

  /** Begins again after a wait, which grows with every refusal in a row. */
  #takeRefusal(why: string, nowMs: number): void {
    if (!this.#go('nak')) return
    this.outbox.push({ kind: 'event', event: { kind: 'refused', why } })
    if (this.#held !== undefined) this.#lose(why)
    this.#wished = undefined
    this.#attempts = this.#refusals++
    this.#retryAtMs = nowMs + this.#backoffMs()
  }

  #lose(why: string): void {
    this.#held = undefined
    this.outbox.push({ kind: 'event', event: { kind: 'lost', why } })
  }

  #leaseOf(message: Message, serverIdentifier: number, obtainedAtMs: number, nowMs: number): Lease {
    return { ...leaseFrom(message, serverIdentifier), obtainedAtMs, askedAtMs: this.#startedAtMs, tookMs: nowMs - this.#startedAtMs }
  }

  /** Takes the transition that the table has for this input; false where it has none in this state. */
  #go(input: Input): boolean {
    const exits: Readonly<Partial<Record<Input, ClientState>>> = TRANSITIONS[this.#state]
    const to = exits[input]
    if (to === undefined) return false
    this.outbox.push({ kind: 'event', event: { kind: 'state', from: this.#state, to } })
    this.#state = to
    return true
  }

  #backoffMs(): number {
    const plainMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#attempts++, 16))
    return plainMs * (1 + RETRY_SPREAD * (2 * fraction(this.#options.random) - 1))
  }

  #wishes(): Options {
    const { hostName } = this.#options
    return { parameterRequestList: PARAMETER_REQUEST_LIST, vendorClass: HAMLET_CLASS, hostName: hostName === '' ? undefined : hostName }
  }

  #send(paths: readonly Path[], ciaddr: number, options: Options, nowMs: number): void {
    const { mac, probe } = this.#options
    const secs = Math.min(0xffff, Math.max(0, Math.floor((nowMs - this.#startedAtMs) / 1000)))
    const bytes = encodeClientMessage(mac, this.#xid, secs, ciaddr, { ...options, clientIdentifier: probe ? PROBE_IDENTIFIER : identifierOf(mac) })
    for (const path of paths) this.outbox.push({ kind: 'send', path, bytes })
  }
}

/** T1 and T2 in ms from the question on: those that the server sets, where they are in order, else the usual parts of the lease (RFC 2131 §4.4.5). */
function renewalTimes({ renewalSeconds, rebindingSeconds }: Options, lastsMs: number): { readonly t1Ms: number; readonly t2Ms: number } {
  const usual = { t1Ms: lastsMs * 0.5, t2Ms: lastsMs * 0.875 }
  const t1Ms = renewalSeconds === undefined ? usual.t1Ms : renewalSeconds * 1000
  const t2Ms = rebindingSeconds === undefined ? usual.t2Ms : rebindingSeconds * 1000
  return t1Ms > 0 && t1Ms < t2Ms && t2Ms < lastsMs ? { t1Ms, t2Ms } : usual
}
