/**
 * Offers, lends and takes back: what becomes of an address, and what is said and written about it. Which of that a message
 * means is server.ts's to say.
 *
 * An address that no client has had is offered only after somebody has knocked there: a `probe` event asks the driver for
 * that, and `probed` brings the answer. Until then the address is held for the client, and nobody else waits.
 */
import type { Path } from '../../kit/endpoint.ts'
import { formatIpv4 } from '../../kit/ip-address.ts'
import type { Effect } from '../../kit/machine.ts'
import type { Message } from '../wire/message.ts'
import { recordOf, type Binding, type Client, type LeaseRecord } from './binding.ts'
import type { LeaseTable } from './leases.ts'
import type { NameTable } from './name-table.ts'
import { serverAddressOf } from './subnet-selection.ts'
import type { ServedNetwork } from './pools.ts'
import { Probes, type ProbeResult } from './probes.ts'
import { Replies, serverIdentifierFor, type Question, type Reply, type Told } from './reply.ts'
import { formatSubnet } from './address-settings.ts'

export type ServerEvent =
  | { readonly kind: 'offered' | 'leased' | 'released' | 'expired' | 'declined'; readonly binding: Binding }
  /** A question was answered with no, or not at all. */
  | { readonly kind: 'refused'; readonly client: string; readonly why: string }
  /** Is somebody at this address? `probed` wants to know. */
  | { readonly kind: 'probe'; readonly yiaddr: number; readonly network: ServedNetwork }

/** How addresses are lent, and what is told with them. */
export interface AllocationOptions extends Told {
  /** What clients are called in the DNS; undefined: nothing is registered there. */
  readonly names: NameTable | undefined
  /** Knock at an address before it is offered for the first time. */
  readonly probe: boolean
  /** Lend at once to who asks for that (RFC 4039). Only for networks with no other server. */
  readonly rapidCommit: boolean
}

/** A network and what is lent there. */
export interface Served {
  readonly network: ServedNetwork
  readonly table: LeaseTable
}

/** A message in hand. */
export interface Query {
  readonly message: Message
  readonly path: Path
  readonly client: Client
  readonly nowMs: number
  /** The networks that it may be from. */
  readonly from: readonly Served[]
}

const LEASE_SECONDS_MIN = 60
/** Addresses found in use, or perhaps in use, before the client is left to ask again. */
const PROBE_ATTEMPTS_MAX = 4

export class Allocator {
  readonly outbox: Effect<ServerEvent, LeaseRecord>[] = []
  readonly #served: readonly Served[]
  readonly #options: AllocationOptions
  readonly #replies: Replies
  readonly #probes = new Probes<{ readonly query: Query; readonly served: Served; readonly attempt: number }>()

  constructor(served: readonly Served[], options: AllocationOptions) {
    this.#served = served
    this.#options = options
    this.#replies = new Replies(options)
  }

  /** Ends what is over at `nowMs`. */
  timeout(nowMs: number): void {
    for (const { table } of this.#served) for (const binding of table.expire(nowMs)) this.tell('expired', binding)
    for (let yiaddr = this.#probes.due(nowMs); yiaddr !== undefined; yiaddr = this.#probes.due(nowMs)) this.probed(yiaddr, undefined, nowMs)
  }

  deadlineMs(): number {
    return Math.min(this.#probes.deadlineMs(), ...this.#served.map(({ table }) => table.deadlineMs()))
  }

  /** Holds an address for the client, and offers it at once or when it is known that nobody is there. */
  offer(query: Query, served: Served, attempt = 1): void {
    const { client, message, nowMs } = query
    const { network, table } = served
    const reserved = network.reservations.get(client.key)?.yiaddr
    const before = table.bindingOf(client.key)
    const binding = table.offer(client, message.options.requestedAddress, nowMs, reserved)
    if (binding === undefined) return this.tellRefused(client.mac, `no address of ${nameOf(network)} is free (the pool has ${table.size})`)
    this.#tellMoved(before, binding)
    const waits = { query, served, attempt }
    if (this.#probes.renew(binding.yiaddr, waits)) return
    const isKnown = binding.state === 'leased' || binding.held || binding.vacant || reserved === binding.yiaddr
    if (isKnown || !this.#options.probe || !canBeProbed(network) || this.#probes.isFull) return this.sendOffer(query, served, binding)
    this.#probes.begin(binding.yiaddr, waits, nowMs)
    this.outbox.push({ kind: 'event', event: { kind: 'probe', yiaddr: binding.yiaddr, network } })
  }

  /** @param binding undefined: who asks wants to know what it would get, and takes nothing */
  sendOffer(query: Query, served: Served, binding: Binding | undefined): void {
    const yiaddr = binding?.yiaddr ?? served.table.nextFree()
    if (yiaddr === undefined) return this.tellRefused(query.client.mac, `no address of ${nameOf(served.network)} is free (the pool has ${served.table.size})`)
    const rapid = binding !== undefined && this.#options.rapidCommit && query.message.options.rapidCommit === true && query.from.length === 1
    if (rapid && this.lease(query, served, yiaddr, { mayBeNew: true, rapid })) return
    this.#send(this.#replies.grant('OFFER', this.#questionOf(query, served), {
      yiaddr, leaseSeconds: this.#leaseSeconds(query.message), hostName: hostNameFor(query, served), name: this.#options.names?.nameFor(yiaddr, namedAs(query, served)), rapid: false,
    }))
    if (binding?.state === 'offered') this.tell('offered', binding)
  }

  /**
   * The answer to a `probe` event.
   * @param found undefined: nobody is there
   */
  probed(yiaddr: number, found: ProbeResult | undefined, nowMs: number): void {
    const waiting = this.#probes.end(yiaddr)
    if (waiting === undefined) return
    const { query, served, attempt } = waiting
    const binding = served.table.bindingAt(yiaddr)
    if (binding?.state !== 'offered' || binding.client.key !== query.client.key) return // It was taken or given up meanwhile.
    if (found === undefined || found.holder === query.client.mac) {
      served.table.markVacant(binding)
      return this.sendOffer(query, served, binding)
    }
    if (found.isStale) served.table.passOver(binding)
    else this.rest(served, yiaddr, nowMs, `${formatIpv4(yiaddr)} is in use by ${found.holder}`)
    if (attempt < PROBE_ATTEMPTS_MAX) this.offer({ ...query, nowMs }, served, attempt + 1)
  }

  /** Lends, and says so when the journal has it. False: the address is not this client's. */
  lease(query: Query, served: Served, yiaddr: number, { mayBeNew, rapid } = { mayBeNew: false, rapid: false }): boolean {
    const leaseSeconds = this.#leaseSeconds(query.message)
    const binding = this.#lend(query, served, yiaddr, Math.floor(query.nowMs) + leaseSeconds * 1000, mayBeNew)
    if (binding === undefined) return false
    const name = this.#options.names?.nameFor(yiaddr, binding.client)
    this.#persistLeased(binding, this.#replies.grant('ACK', this.#questionOf(query, served), { yiaddr, leaseSeconds, hostName: hostNameFor(query, served), name, rapid }))
    return true
  }

  /** Lends what is reserved for a client that speaks only BOOTP, and without an end: it never renews (RFC 1534 §2). */
  leaseByBootp(query: Query, served: Served, yiaddr: number): void {
    const binding = this.#lend(query, served, yiaddr, Infinity, false)
    if (binding === undefined) return this.tellRefused(query.client.mac, `${formatIpv4(yiaddr)}, which is reserved for it, is still lent to another client, or rests`)
    this.#persistLeased(binding, this.#replies.bootReply(this.#questionOf(query, served), yiaddr, hostNameFor(query, served)))
  }

  #lend(query: Query, served: Served, yiaddr: number, expiresAtMs: number, mayBeNew: boolean): Binding | undefined {
    const { network, table } = served
    const { key } = query.client
    const before = table.bindingOf(key)
    const binding = table.lease(namedAs(query, served), yiaddr, expiresAtMs, mayBeNew, network.reservations.get(key)?.yiaddr)
    if (binding !== undefined) this.#tellMoved(before, binding)
    return binding
  }

  #persistLeased(binding: Binding, reply: Reply): void {
    this.outbox.push({ kind: 'persist', record: recordOf(binding, 'leased'), then: [{ kind: 'send', ...reply }, { kind: 'event', event: { kind: 'leased', binding } }] })
  }

  /** Nobody gets the address for some time. */
  rest({ table }: Served, yiaddr: number, nowMs: number, why: string): void {
    const client = table.bindingAt(yiaddr)?.client.mac ?? ''
    const binding = table.decline(yiaddr, nowMs)
    this.outbox.push({ kind: 'persist', record: recordOf(binding, 'declined'), then: [{ kind: 'event', event: { kind: 'declined', binding } }] })
    this.tellRefused(client, `${why}; the address rests for an hour`)
  }

  /** False: nobody has the address. */
  release(table: LeaseTable, yiaddr: number): boolean {
    const binding = table.release(yiaddr)
    if (binding !== undefined) this.#persistReleased(binding)
    return binding !== undefined
  }

  /** A client that has a reservation leaves the address that it had before. */
  #tellMoved(before: Binding | undefined, now: Binding): void {
    if (before?.state === 'leased' && before.yiaddr !== now.yiaddr) this.#persistReleased(before)
  }

  #persistReleased(binding: Binding): void {
    this.outbox.push({ kind: 'persist', record: recordOf(binding, 'released'), then: [{ kind: 'event', event: { kind: 'released', binding } }] })
  }

  #questionOf({ message, path }: Query, { network }: Served): Question {
    return { request: message, arrived: path, network, serverAddress: serverAddressOf(network, path, this.#served) }
  }

  /** The server identifier that this client knows this server by. */
  identifierOf({ message, path }: Query, { network }: Served): number {
    return serverIdentifierFor(message, serverAddressOf(network, path, this.#served))
  }

  /** The ACK to an INFORM. */
  inform(query: Query, served: Served): void {
    this.#send(this.#replies.information(this.#questionOf(query, served)))
  }

  /** DHCPNAK */
  refuse(query: Query, served: Served, why: string): void {
    this.#send(this.#replies.refusal(this.#questionOf(query, served), why))
    this.tellRefused(query.client.mac, why)
  }

  #send(reply: Reply): void {
    this.outbox.push({ kind: 'send', ...reply })
  }

  tell(kind: 'offered' | 'released' | 'expired', binding: Binding): void {
    this.outbox.push({ kind: 'event', event: { kind, binding } })
  }

  tellRefused(client: string, why: string): void {
    this.outbox.push({ kind: 'event', event: { kind: 'refused', client, why } })
  }

  /** What the client asks for, within what this server gives (RFC 2131 §4.3.1). */
  #leaseSeconds(message: Message): number {
    return Math.max(LEASE_SECONDS_MIN, Math.min(message.options.leaseSeconds ?? Infinity, this.#options.leaseSeconds))
  }
}

/**
 * Behind a relay nothing is learned from a probe: the table of neighbours has routers only, and a refusal may be the router's own,
 * which refuses for whole networks (RFC 1812 §4.3.3.1).
 */
function canBeProbed({ loopback, serverAddress }: ServedNetwork): boolean {
  return !loopback && serverAddress !== undefined
}

/** The name that the person gave with a reservation. */
function hostNameFor({ client }: Query, { network }: Served): string {
  return network.reservations.get(client.key)?.hostName ?? ''
}

/** The client under the name that the person gave, or its own. */
function namedAs(query: Query, served: Served): Client {
  const hostName = hostNameFor(query, served)
  return hostName === '' ? query.client : { ...query.client, hostName }
}

/** Its interface, or its subnet where only a relay reaches it. */
export function nameOf({ interfaceName, subnet }: ServedNetwork): string {
  return interfaceName === '' ? formatSubnet(subnet) : interfaceName
}
