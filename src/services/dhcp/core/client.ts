/**
 * The DHCP client as a machine: RFC 2131 §4.4. TRANSITIONS is the state diagram of figure 5; a retransmission in the
 * same state is not a transition.
 *
 * This client only learns what a server leases. It applies nothing to an interface, so it sends from an address the
 * machine already has, or from none, and asks for broadcast replies. It never releases a lease.
 */
import type { Path } from '../../kit/endpoint.ts'
import { MalformedPacket } from '../../kit/errors.ts'
import type { Effect, Machine } from '../../kit/machine.ts'
import { fraction, type Random } from '../../kit/random.ts'
import { HAMLET_CLASS, PROBE_IDENTIFIER } from '../wire/hamlet-options.ts'
import { OP } from '../wire/header.ts'
import { decodeMessage, MESSAGE_TYPE, type Message } from '../wire/message.ts'
import type { Options } from '../wire/options.ts'
import { PARAMETER_REQUEST_LIST, encodeClientMessage, identifierOf } from './client-message.ts'
import { INFINITE_LEASE, leaseFrom, printable, type Lease } from './lease.ts'

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
  /** A server refused; the client starts over. */
  | { readonly kind: 'refused'; readonly why: string }
  /** The address may no longer be used. */
  | { readonly kind: 'lost'; readonly why: string }

export interface ClientOptions {
  readonly mac: Uint8Array
  readonly hostName: string
  readonly random: Random
  /** Where to send messages: to one server, or by broadcast, one path for each interface. */
  readonly serverPaths: readonly Path[]
  /** Only see what a server would offer, and take nothing. */
  readonly probe: boolean
  /** A previously leased address to ask for first; 0 for none. */
  readonly remembered: number
  /**
   * Servers reply as RFC 2131 §4.1 says, to the leased address or by broadcast, and not to the address the message came
   * from.
   */
  readonly repliesBroadcast: boolean
}

/** RFC 2131 §4.1 starts at 4 s, chosen for the networks of its time, and doubles up to 64 s. */
const FIRST_RETRY_MS = 1000
const LAST_RETRY_MS = 64_000
/** Each wait is randomized by up to a quarter, so that clients that started together do not stay in step. */
const RETRY_SPREAD = 0.25
const REQUESTS_MAX = 4
/** A server that does not know the client stays silent (RFC 2131 §4.3.2), so the client gives up after about 3 s. */
const REBOOT_REQUESTS_MAX = 2
/** The shortest wait between REQUESTs that extend a lease (RFC 2131 §4.4.5). */
const EXTENSION_RETRY_MS_MIN = 60_000
/** The shortest time between a lease and its renewal, whatever T1 the server sets. */
const RENEWAL_DELAY_MS_MIN = 3000

/** The current lease with its times (RFC 2131 §4.4.5) as absolute times. */
interface HeldLease {
  readonly lease: Lease
  readonly yiaddr: number
  readonly serverIdentifier: number
  /** To the server that granted it. */
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
  #requestedAtMs = 0
  #retryAtMs = Infinity
  #attempts = 0
  /** Consecutive refusals. */
  #refusals = 0
  /** The address to ask for, until a server refuses it. */
  #requestedAddress: number | undefined
  #offer: { readonly yiaddr: number; readonly serverIdentifier: number } | undefined
  #held: HeldLease | undefined

  constructor(options: ClientOptions) {
    this.#options = options
    this.#state = options.remembered === 0 ? 'INIT' : 'INIT-REBOOT'
    this.#requestedAddress = options.remembered === 0 ? undefined : options.remembered
  }

  get state(): ClientState {
    return this.#state
  }

  /** Starts looking for a server. Does nothing if already started. */
  start(nowMs: number): void {
    if (!this.#transition('start')) return
    this.#startedAtMs = nowMs
    this.#xid = this.#options.random.uint32()
    this.#attempts = 0
    this.#transmit(nowMs)
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
      case MESSAGE_TYPE.OFFER: return this.#handleOffer(message, nowMs)
      case MESSAGE_TYPE.ACK: return this.#handleAck(message, path, nowMs)
      case MESSAGE_TYPE.NAK: return this.#handleNak(message, nowMs)
      default: // No other type is a reply to a client.
    }
  }

  timeout(nowMs: number): void {
    if (nowMs < this.deadlineMs()) return
    switch (this.#state) {
      case 'INIT':
      case 'INIT-REBOOT': return this.start(nowMs)
      case 'SELECTING': return this.#transmit(nowMs)
      case 'REBOOTING':
      case 'REQUESTING': {
        if (this.#attempts < (this.#state === 'REBOOTING' ? REBOOT_REQUESTS_MAX : REQUESTS_MAX)) return this.#transmit(nowMs)
        if (this.#state === 'REBOOTING') this.#loseLease('no server confirmed the address that this machine had')
        this.#transition('silence')
        return this.start(nowMs)
      }
      case 'BOUND':
      case 'RENEWING':
      case 'REBINDING': return this.#handleLeaseTimer(nowMs)
    }
  }

  deadlineMs(): number {
    return this.#state === 'BOUND' ? Math.min(this.#held?.t1AtMs ?? Infinity, this.#held?.expiresAtMs ?? Infinity) : this.#retryAtMs
  }

  /**
   * Sends or retransmits a DISCOVER, or a REQUEST for the offered or remembered address. All servers get the REQUEST,
   * so that those not chosen withdraw their offers (RFC 2131 §3.1 step 3).
   */
  #transmit(nowMs: number): void {
    if (this.#state !== 'SELECTING' && this.#attempts === 0) this.#requestedAtMs = nowMs
    this.#retryAtMs = nowMs + this.#backoffMs()
    this.#send(this.#options.serverPaths, 0, { ...this.#messageOptions(), ...this.#clientOptions() }, nowMs)
  }

  #messageOptions(): Options {
    switch (this.#state) {
      case 'REBOOTING': return { messageType: MESSAGE_TYPE.REQUEST, requestedAddress: this.#requestedAddress }
      case 'REQUESTING': return { messageType: MESSAGE_TYPE.REQUEST, requestedAddress: this.#offer?.yiaddr, serverIdentifier: this.#offer?.serverIdentifier }
      default: return { messageType: MESSAGE_TYPE.DISCOVER, requestedAddress: this.#requestedAddress }
    }
  }

  /** Accepts the first offer. */
  #handleOffer(message: Message, nowMs: number): void {
    const { serverIdentifier } = message.options
    if (this.#state !== 'SELECTING' || serverIdentifier === undefined || message.yiaddr === 0) return
    if (this.#options.probe) {
      this.#transition('probed')
      this.#retryAtMs = Infinity
      this.outbox.push({ kind: 'event', event: { kind: 'offered', lease: this.#leaseOf(message, serverIdentifier, nowMs, nowMs) } })
      return
    }
    this.#transition('offer')
    this.#offer = { yiaddr: message.yiaddr, serverIdentifier }
    this.#attempts = 0
    this.#transmit(nowMs)
  }

  /**
   * T1, T2 or the end of the lease has come: several at once if the computer slept, or the lease is shorter than a
   * wait.
   */
  #handleLeaseTimer(nowMs: number): void {
    const held = this.#held
    if (held === undefined) return
    this.#transition('t1')
    if (nowMs >= held.t2AtMs) this.#transition('t2')
    if (nowMs < held.expiresAtMs) return this.#extend(nowMs, held)
    this.#transition('expired')
    this.#loseLease('the lease ended and no server renewed it')
    this.start(nowMs)
  }

  /**
   * Extends the lease: RENEWING asks the server that granted it, REBINDING asks all. Retransmits after half of the
   * remaining time, but at least a minute (RFC 2131 §4.4.5).
   *
   * A server that replies as RFC 2131 §4.1 says would send the ACK to the leased address, which no interface here has.
   * Such servers are asked to confirm the address as in INIT-REBOOT, without a ciaddr: they answer that by broadcast.
   */
  #extend(nowMs: number, held: HeldLease): void {
    const rebinding = this.#state === 'REBINDING'
    const untilMs = rebinding ? held.expiresAtMs : held.t2AtMs
    this.#retryAtMs = Math.min(untilMs, nowMs + Math.max(EXTENSION_RETRY_MS_MIN, (untilMs - nowMs) / 2))
    this.#requestedAtMs = nowMs
    this.#startedAtMs = nowMs
    const { repliesBroadcast, serverPaths } = this.#options
    const options: Options = { messageType: MESSAGE_TYPE.REQUEST, requestedAddress: repliesBroadcast ? held.yiaddr : undefined, ...this.#clientOptions() }
    this.#send(rebinding || repliesBroadcast ? serverPaths : [held.path], repliesBroadcast ? 0 : held.yiaddr, options, nowMs)
  }

  #handleAck(message: Message, path: Path, nowMs: number): void {
    const requested = this.#state === 'REBOOTING' ? this.#requestedAddress : this.#state === 'REQUESTING' ? this.#offer?.yiaddr : this.#held?.yiaddr
    const { leaseSeconds } = message.options
    const serverIdentifier = message.options.serverIdentifier ?? this.#held?.serverIdentifier
    if (message.yiaddr !== requested || leaseSeconds === undefined || serverIdentifier === undefined) return
    if (leaseSeconds === 0) return this.#startOver('the server granted a lease of 0 s', nowMs)
    if (!this.#transition('ack')) return
    const lastsMs = leaseSeconds === INFINITE_LEASE ? Infinity : leaseSeconds * 1000
    const { t1Ms, t2Ms } = renewalTimes(message.options, lastsMs)
    const t1AtMs = Math.max(this.#requestedAtMs + t1Ms, nowMs + RENEWAL_DELAY_MS_MIN)
    const lease = this.#leaseOf(message, serverIdentifier, this.#requestedAtMs, nowMs)
    this.#held = {
      lease, path, serverIdentifier, yiaddr: message.yiaddr,
      t1AtMs, t2AtMs: Math.max(this.#requestedAtMs + t2Ms, t1AtMs), expiresAtMs: this.#requestedAtMs + lastsMs,
    }
    this.#refusals = 0
    this.outbox.push({ kind: 'event', event: { kind: 'bound', lease, path } })
  }

  #handleNak({ options }: Message, nowMs: number): void {
    if (this.#state === 'REQUESTING' && options.serverIdentifier !== this.#offer?.serverIdentifier) return
    this.#startOver(options.message === undefined || options.message === '' ? 'the server refused' : printable(options.message), nowMs)
  }

  /** Starts over after a wait that grows with each consecutive refusal. */
  #startOver(why: string, nowMs: number): void {
    if (!this.#transition('nak')) return
    this.outbox.push({ kind: 'event', event: { kind: 'refused', why } })
    if (this.#held !== undefined) this.#loseLease(why)
    this.#requestedAddress = undefined
    this.#attempts = this.#refusals++
    this.#retryAtMs = nowMs + this.#backoffMs()
  }

  #loseLease(why: string): void {
    this.#held = undefined
    this.outbox.push({ kind: 'event', event: { kind: 'lost', why } })
  }

  #leaseOf(message: Message, serverIdentifier: number, obtainedAtMs: number, nowMs: number): Lease {
    return { ...leaseFrom(message, serverIdentifier), obtainedAtMs, askedAtMs: this.#startedAtMs, tookMs: nowMs - this.#startedAtMs }
  }

  /** Makes the transition that TRANSITIONS has for this input. @returns false if it has none in this state */
  #transition(input: Input): boolean {
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

  #clientOptions(): Options {
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

/** T1 and T2 in ms after the REQUEST: the server's if they are in order, else the defaults of RFC 2131 §4.4.5. */
function renewalTimes({ renewalSeconds, rebindingSeconds }: Options, lastsMs: number): { readonly t1Ms: number; readonly t2Ms: number } {
  const defaults = { t1Ms: lastsMs * 0.5, t2Ms: lastsMs * 0.875 }
  const t1Ms = renewalSeconds === undefined ? defaults.t1Ms : renewalSeconds * 1000
  const t2Ms = rebindingSeconds === undefined ? defaults.t2Ms : rebindingSeconds * 1000
  return t1Ms > 0 && t1Ms < t2Ms && t2Ms < lastsMs ? { t1Ms, t2Ms } : defaults
}
