/**
 * Offers, leases, releases and declines addresses: changes the lease table, writes the journal, and sends the reply.
 * server.ts decides which of these a message calls for.
 *
 * An address that no client has held yet is probed before it is offered (RFC 2131 §3.1 step 2): a `probe` event asks
 * the driver whether a host already uses it, and `probed` brings the result. Meanwhile the address is held for the
 * client, and other clients are served.
 */
import type { Path } from '../../kit/endpoint.ts'
import { formatIpv4 } from '../../kit/ip-address.ts'
import type { Effect } from '../../kit/machine.ts'
import type { Message } from '../wire/message.ts'
import { formatSubnet } from './address-settings.ts'
import { recordOf, type Binding, type Client, type LeaseRecord } from './binding.ts'
import type { LeaseTable } from './leases.ts'
import type { NameTable } from './name-table.ts'
import type { ServedNetwork } from './pools.ts'
import { Probes, type ProbeResult } from './probes.ts'
import { Replies, serverIdentifierFor, type ReplyContext, type Reply, type ClientConfig } from './reply.ts'
import { serverAddressOf } from './subnet-selection.ts'

export type ServerEvent =
  | { readonly kind: 'offered' | 'leased' | 'released' | 'expired' | 'declined'; readonly binding: Binding }
  /** A message was answered with a NAK, or not at all. */
  | { readonly kind: 'refused'; readonly client: string; readonly why: string }
  /** Find out whether a host uses this address, and call `probed` with the result. */
  | { readonly kind: 'probe'; readonly yiaddr: number; readonly network: ServedNetwork }

/** How addresses are allocated, and which parameters clients get with them. */
export interface AllocationOptions extends ClientConfig {
  /** The clients' names in the DNS; undefined if none are registered. */
  readonly names: NameTable | undefined
  /** Probe an address before offering it for the first time. */
  readonly probe: boolean
  /** Answer a DISCOVER that asks for Rapid Commit with an ACK (RFC 4039). Only for networks with no other server. */
  readonly rapidCommit: boolean
}

/** A served network and its leases. */
export interface Served {
  readonly network: ServedNetwork
  readonly table: LeaseTable
}

/** A client's message, with what is known of its sender. */
export interface Query {
  readonly message: Message
  readonly path: Path
  readonly client: Client
  readonly nowMs: number
  /** The networks the client may be on. */
  readonly from: readonly Served[]
}

const LEASE_SECONDS_MIN = 60
/** How many addresses to try for one DISCOVER before leaving it to the client to ask again. */
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

  /** Expires leases, offers and probes that are due. */
  timeout(nowMs: number): void {
    for (const { table } of this.#served) for (const binding of table.expire(nowMs)) this.emit('expired', binding)
    for (let yiaddr = this.#probes.due(nowMs); yiaddr !== undefined; yiaddr = this.#probes.due(nowMs)) this.probed(yiaddr, undefined, nowMs)
  }

  deadlineMs(): number {
    return Math.min(this.#probes.deadlineMs(), ...this.#served.map(({ table }) => table.deadlineMs()))
  }

  /** Holds an address for the client, and offers it at once or after a probe found it vacant. */
  offer(query: Query, served: Served, attempt = 1): void {
    const { client, message, nowMs } = query
    const { network, table } = served
    const reserved = network.reservations.get(client.key)?.yiaddr
    const before = table.bindingOf(client.key)
    const binding = table.offer(client, message.options.requestedAddress, nowMs, reserved)
    if (binding === undefined) return this.emitRefused(client.mac, `no address is free on ${networkLabel(network)} (pool of ${table.size})`)
    this.#persistMove(before, binding)
    const pending = { query, served, attempt }
    if (this.#probes.replace(binding.yiaddr, pending)) return
    const isKnown = binding.state === 'leased' || binding.held || binding.vacant || reserved === binding.yiaddr
    if (isKnown || !this.#options.probe || !canBeProbed(network) || this.#probes.isFull) return this.sendOffer(query, served, binding)
    this.#probes.begin(binding.yiaddr, pending, nowMs)
    this.outbox.push({ kind: 'event', event: { kind: 'probe', yiaddr: binding.yiaddr, network } })
  }

  /** @param binding undefined for a probe by another Hamlet, which wants to see an offer without taking one */
  sendOffer(query: Query, served: Served, binding: Binding | undefined): void {
    const yiaddr = binding?.yiaddr ?? served.table.nextFree()
    if (yiaddr === undefined) return this.emitRefused(query.client.mac, `no address is free on ${networkLabel(served.network)} (pool of ${served.table.size})`)
    const rapid = binding !== undefined && this.#options.rapidCommit && query.message.options.rapidCommit === true && query.from.length === 1
    if (rapid && this.lease(query, served, yiaddr, { mayBeNew: true, rapid })) return
    this.#send(this.#replies.grant('OFFER', this.#contextOf(query, served), {
      yiaddr, leaseSeconds: this.#leaseSeconds(query.message), hostName: reservedNameOf(query, served), name: this.#options.names?.nameFor(yiaddr, withReservedName(query, served)), rapid: false,
    }))
    if (binding?.state === 'offered') this.emit('offered', binding)
  }

  /**
   * The result of a `probe` event.
   * @param found undefined if no host uses the address
   */
  probed(yiaddr: number, found: ProbeResult | undefined, nowMs: number): void {
    const pending = this.#probes.end(yiaddr)
    if (pending === undefined) return
    const { query, served, attempt } = pending
    const binding = served.table.bindingAt(yiaddr)
    if (binding?.state !== 'offered' || binding.client.key !== query.client.key) return // Leased or released in the meantime.
    if (found === undefined || found.holder === query.client.mac) {
      served.table.markVacant(binding)
      return this.sendOffer(query, served, binding)
    }
    if (found.isStale) served.table.passOver(binding)
    else this.decline(served, yiaddr, nowMs, `${formatIpv4(yiaddr)} is in use by ${found.holder}`)
    if (attempt < PROBE_ATTEMPTS_MAX) this.offer({ ...query, nowMs }, served, attempt + 1)
  }

  /**
   * Leases the address, and sends the ACK once the journal has the lease on disk.
   * @returns false if this client may not have the address
   */
  lease(query: Query, served: Served, yiaddr: number, { mayBeNew, rapid } = { mayBeNew: false, rapid: false }): boolean {
    const leaseSeconds = this.#leaseSeconds(query.message)
    const binding = this.#bind(query, served, yiaddr, Math.floor(query.nowMs) + leaseSeconds * 1000, mayBeNew)
    if (binding === undefined) return false
    const name = this.#options.names?.nameFor(yiaddr, binding.client)
    this.#persistLeased(binding, this.#replies.grant('ACK', this.#contextOf(query, served), { yiaddr, leaseSeconds, hostName: reservedNameOf(query, served), name, rapid }))
    return true
  }

  /**
   * Leases a reserved address to a client that speaks only BOOTP. The lease never ends, since the client never renews
   * (RFC 1534 §2).
   */
  leaseByBootp(query: Query, served: Served, yiaddr: number): void {
    const binding = this.#bind(query, served, yiaddr, Infinity, false)
    if (binding === undefined) return this.emitRefused(query.client.mac, `its reserved address ${formatIpv4(yiaddr)} is still leased to another client, or was declined`)
    this.#persistLeased(binding, this.#replies.bootpReply(this.#contextOf(query, served), yiaddr, reservedNameOf(query, served)))
  }

  #bind(query: Query, served: Served, yiaddr: number, expiresAtMs: number, mayBeNew: boolean): Binding | undefined {
    const { network, table } = served
    const { key } = query.client
    const before = table.bindingOf(key)
    const binding = table.lease(withReservedName(query, served), yiaddr, expiresAtMs, mayBeNew, network.reservations.get(key)?.yiaddr)
    if (binding !== undefined) this.#persistMove(before, binding)
    return binding
  }

  #persistLeased(binding: Binding, reply: Reply): void {
    this.outbox.push({ kind: 'persist', record: recordOf(binding, 'leased'), then: [{ kind: 'send', ...reply }, { kind: 'event', event: { kind: 'leased', binding } }] })
  }

  /** Takes an address out of use for DECLINE_MS. */
  decline({ table }: Served, yiaddr: number, nowMs: number, why: string): void {
    const client = table.bindingAt(yiaddr)?.client.mac ?? ''
    const binding = table.decline(yiaddr, nowMs)
    this.outbox.push({ kind: 'persist', record: recordOf(binding, 'declined'), then: [{ kind: 'event', event: { kind: 'declined', binding } }] })
    this.emitRefused(client, `${why}; it is not offered for an hour`)
  }

  /** @returns false if the address is free */
  release(table: LeaseTable, yiaddr: number): boolean {
    const binding = table.release(yiaddr)
    if (binding !== undefined) this.#persistReleased(binding)
    return binding !== undefined
  }

  /** Journals that a client has left its former address, having moved to its reservation. */
  #persistMove(before: Binding | undefined, now: Binding): void {
    if (before?.state === 'leased' && before.yiaddr !== now.yiaddr) this.#persistReleased(before)
  }

  #persistReleased(binding: Binding): void {
    this.outbox.push({ kind: 'persist', record: recordOf(binding, 'released'), then: [{ kind: 'event', event: { kind: 'released', binding } }] })
  }

  #contextOf({ message, path }: Query, { network }: Served): ReplyContext {
    return { request: message, arrived: path, network, serverAddress: serverAddressOf(network, path, this.#served) }
  }

  /** The server identifier by which this client knows this server. */
  serverIdentifierOf({ message, path }: Query, { network }: Served): number {
    return serverIdentifierFor(message, serverAddressOf(network, path, this.#served))
  }

  /** The ACK to an INFORM. */
  inform(query: Query, served: Served): void {
    this.#send(this.#replies.informReply(this.#contextOf(query, served)))
  }

  /** Sends a DHCPNAK. */
  nak(query: Query, served: Served, why: string): void {
    this.#send(this.#replies.nak(this.#contextOf(query, served), why))
    this.emitRefused(query.client.mac, why)
  }

  #send(reply: Reply): void {
    this.outbox.push({ kind: 'send', ...reply })
  }

  emit(kind: 'offered' | 'released' | 'expired', binding: Binding): void {
    this.outbox.push({ kind: 'event', event: { kind, binding } })
  }

  emitRefused(client: string, why: string): void {
    this.outbox.push({ kind: 'event', event: { kind: 'refused', client, why } })
  }

  /** The requested lease time, within this server's limits (RFC 2131 §4.3.1). */
  #leaseSeconds(message: Message): number {
    return Math.max(LEASE_SECONDS_MIN, Math.min(message.options.leaseSeconds ?? Infinity, this.#options.leaseSeconds))
  }
}

/**
 * A probe tells nothing about a network behind a relay: only the router is in the ARP table, and an ICMP error may be
 * the router's own, which answers for whole networks (RFC 1812 §4.3.3.1).
 */
function canBeProbed({ loopback, serverAddress }: ServedNetwork): boolean {
  return !loopback && serverAddress !== undefined
}

/** The host name set with the client's reservation, or ''. */
function reservedNameOf({ client }: Query, { network }: Served): string {
  return network.reservations.get(client.key)?.hostName ?? ''
}

/** The client under its reserved name if it has one, else under its own. */
function withReservedName(query: Query, served: Served): Client {
  const hostName = reservedNameOf(query, served)
  return hostName === '' ? query.client : { ...query.client, hostName }
}

/** The interface of a network, or its subnet if it is behind a relay. */
export function networkLabel({ interfaceName, subnet }: ServedNetwork): string {
  return interfaceName === '' ? formatSubnet(subnet) : interfaceName
}
