/**
 * The DHCP server as a machine without I/O: RFC 2131 §4.3. kit/node/drive.ts runs it.
 *
 * Plain sockets do not report the interface on which a broadcast arrived. A DISCOVER of unknown origin is therefore
 * answered on every served network, with an offer from that network's pool; the client sees only the one sent on its
 * own link. The server identifier in its REQUEST then names the network, and the other offers are withdrawn.
 *
 * This file decides what a message means; allocator.ts carries it out.
 */
import type { Path } from '../../kit/endpoint.ts'
import { MalformedPacket } from '../../kit/errors.ts'
import { formatIpv4, parseIpv4, subnetContains } from '../../kit/ip-address.ts'
import type { Effect, Machine } from '../../kit/machine.ts'
import { formatHex } from '../wire/hardware-address.ts'
import { HAMLET_CLASS, PROBE_IDENTIFIER } from '../wire/hamlet-options.ts'
import { OP } from '../wire/header.ts'
import { decodeMessage, MESSAGE_TYPE } from '../wire/message.ts'
import { Allocator, networkLabel, type Query, type AllocationOptions, type Served, type ServerEvent } from './allocator.ts'
import type { Binding, Client, LeaseRecord } from './binding.ts'
import { ForeignRecords } from './foreign-records.ts'
import { clientOf } from './identity.ts'
import { LeaseTable } from './leases.ts'
import type { ServedNetwork } from './pools.ts'
import type { ProbeResult } from './probes.ts'
import { selectNetworks } from './subnet-selection.ts'

export interface ServerOptions extends AllocationOptions {
  readonly networks: readonly ServedNetwork[]
  /** From the journal, in its order. */
  readonly records: readonly LeaseRecord[]
}

const WILDCARD = '0.0.0.0'
const PROBE_KEY = formatHex(PROBE_IDENTIFIER)
/** How many of our own transaction IDs to remember: those of the last searches for other servers. */
const IGNORED_XIDS_MAX = 64

export class DhcpServer implements Machine<ServerEvent, LeaseRecord> {
  /** Serve only Hamlet's own clients and those that have a lease: another DHCP server is on the network. */
  hamletOnly = false
  readonly #served: readonly Served[]
  readonly #foreign = new ForeignRecords()
  readonly #allocator: Allocator
  readonly #ignoredXids = new Set<number>()

  constructor(options: ServerOptions) {
    this.#served = options.networks.map(network => ({ network, table: new LeaseTable(network.pool, network.excluded, reservedIn(network)) }))
    this.#allocator = new Allocator(this.#served, options)
    for (const record of options.records) this.#restore(record)
  }

  get outbox(): Effect<ServerEvent, LeaseRecord>[] {
    return this.#allocator.outbox
  }

  receive(bytes: Uint8Array, path: Path, nowMs: number): void {
    this.timeout(nowMs)
    try {
      const message = decodeMessage(bytes)
      if (message.op !== OP.request || this.#ignoredXids.has(message.xid)) return
      const client = clientOf(message, key => this.#served.some(({ network }) => network.reservations.has(key)))
      if (client === undefined) this.#allocator.emitRefused(path.peer.address, 'the message has neither a client identifier nor a hardware address')
      else this.#answer({ message, path, client, nowMs, from: selectNetworks(this.#served, message, path) })
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
      this.#allocator.emitRefused(path.peer.address, error.parts.why)
    }
  }

  timeout(nowMs: number): void {
    this.#allocator.timeout(nowMs)
    for (const binding of this.#foreign.expire(nowMs)) this.#allocator.emit('expired', binding)
  }

  deadlineMs(): number {
    return Math.min(this.#allocator.deadlineMs(), this.#foreign.deadlineMs())
  }

  /** Ends a lease before its time. @returns false if the address is free */
  release(yiaddr: number): boolean {
    return this.#served.some(({ table }) => this.#allocator.release(table, yiaddr))
  }

  /**
   * The result of a `probe` event.
   * @param found undefined if no host uses the address
   */
  probed(yiaddr: number, found: ProbeResult | undefined, nowMs: number): void {
    this.#allocator.probed(yiaddr, found, nowMs)
  }

  /**
   * The clock was set: shifts all leases so that each still lasts as long as its client was told. The journal must be
   * rewritten.
   */
  clockSet(byMs: number): void {
    for (const { table } of this.#served) table.shift(byMs)
    this.#foreign.shift(byMs)
  }

  /** Ignores messages with this transaction ID: they are our own, meant for other servers. */
  ignore(xid: number): void {
    this.#ignoredXids.add(xid)
    if (this.#ignoredXids.size > IGNORED_XIDS_MAX) this.#ignoredXids.delete(this.#ignoredXids.values().next().value ?? 0)
  }

  /** All addresses that are offered, leased or declined. */
  taken(): Binding[] {
    return this.#served.flatMap(({ table }) => table.taken())
  }

  /**
   * All current leases: first those of networks that are not served now, then the others by expiry. If a client has
   * several, the last is thus the one on the network where it was seen last.
   */
  leased(): Binding[] {
    const served = this.taken().filter(({ state }) => state === 'leased')
    return [...this.#foreign.leased(), ...served.sort((one, other) => one.expiresAtMs - other.expiresAtMs)]
  }

  /** Reports the networks that have no address left; undefined if there are none. */
  exhaustion(): string | undefined {
    const full = this.#served.filter(({ table }) => table.isExhausted).map(({ network, table }) => `${networkLabel(network)} (pool of ${table.size})`)
    return full.length === 0 ? undefined : `no address is left for new clients on ${full.join(', ')}`
  }

  /** Undefined if the address was never used. */
  bindingAt(yiaddr: number): Binding | undefined {
    for (const { table } of this.#served) {
      const binding = table.bindingAt(yiaddr)
      if (binding !== undefined) return binding
    }
    return undefined
  }

  /** Everything the journal must hold for a restarted server to know what this one knows. */
  records(): LeaseRecord[] {
    return [...this.#foreign.records(), ...this.#served.flatMap(({ table }) => table.records())]
  }

  /** An infinite lease ends when its reservation is removed, since its client never releases it. */
  #restore(record: LeaseRecord): void {
    const hasEnded = record.state === 'leased' && record.expiresAtMs === Infinity && !this.#isReserved(record)
    const restored: LeaseRecord = hasEnded ? { ...record, state: 'released', expiresAtMs: 0 } : record
    if (!this.#served.some(({ table }) => table.restore(restored))) this.#foreign.keep(restored)
  }

  #isReserved({ key, yiaddr }: LeaseRecord): boolean {
    return this.#served.some(({ network: { reservations } }) => reservations.get(key)?.yiaddr === parseIpv4(yiaddr))
  }

  #answer(query: Query): void {
    const { messageType } = query.message.options
    if (this.hamletOnly && !this.#isHamletOrHasLease(query)) {
      if (messageType === MESSAGE_TYPE.DISCOVER) this.#allocator.emitRefused(query.client.mac, 'another DHCP server is on the network, so only Hamlet\'s own clients are served')
      return
    }
    switch (messageType) {
      case MESSAGE_TYPE.DISCOVER: return this.#discover(query)
      case MESSAGE_TYPE.REQUEST: return this.#request(query)
      case MESSAGE_TYPE.DECLINE: return this.#decline(query)
      case MESSAGE_TYPE.RELEASE: return this.#clientRelease(query)
      case MESSAGE_TYPE.INFORM: return this.#inform(query)
      case undefined: return this.#bootp(query)
      default: // Replies of other servers and message types of later RFCs.
    }
  }

  /** RFC 2131 §4.3.1 */
  #discover(query: Query): void {
    if (query.from.length === 0) this.#allocator.emitRefused(query.client.mac, `it is on a network that is not served (its message came from ${query.path.peer.address})`)
    for (const served of query.from) {
      if (query.client.key === PROBE_KEY) this.#allocator.sendOffer(query, served, undefined)
      else this.#allocator.offer(query, served)
    }
  }

  /**
   * RFC 1534 §2: a message without a type is from a client that speaks only BOOTP. It would keep its address for ever,
   * so it gets only a reserved one.
   */
  #bootp(query: Query): void {
    const { from, client } = query
    const reserved = from.filter(({ network: { reservations } }) => reservations.has(client.key))
    if (reserved.length === 0) this.#allocator.emitRefused(client.mac, 'it speaks only BOOTP and has no reservation')
    for (const served of reserved) this.#allocator.leaseByBootp(query, served, served.network.reservations.get(client.key)?.yiaddr ?? 0)
  }

  /** RFC 2131 §4.3.2: the fields that are filled in tell which of the four kinds of REQUEST this is. */
  #request(query: Query): void {
    const { requestedAddress, serverIdentifier } = query.message.options
    if (serverIdentifier !== undefined) this.#requestSelecting(query, serverIdentifier)
    else if (requestedAddress !== undefined) this.#requestInitReboot(query, requestedAddress)
    else if (query.message.ciaddr !== 0) this.#requestExtension(query)
    else this.#allocator.emitRefused(query.client.mac, 'the REQUEST names no address')
  }

  #requestSelecting(query: Query, serverIdentifier: number): void {
    const chosen = (query.message.giaddr === 0 ? this.#served : query.from).find(served => this.#allocator.serverIdentifierOf(query, served) === serverIdentifier)
    for (const served of this.#served) {
      const withdrawn = served === chosen ? undefined : served.table.withdrawOffer(query.client.key)
      if (withdrawn !== undefined) this.#allocator.emit('released', withdrawn)
    }
    if (chosen === undefined) return
    const yiaddr = query.message.options.requestedAddress ?? query.message.ciaddr
    if (!this.#allocator.lease(query, chosen, yiaddr, { mayBeNew: true, rapid: false })) this.#allocator.nak(query, chosen, `${formatIpv4(yiaddr)} is not offered to this client`)
  }

  /**
   * INIT-REBOOT: the client verifies an address it remembers. If this server has no record of it, it stays silent: the
   * lease may be another server's.
   */
  #requestInitReboot(query: Query, yiaddr: number): void {
    const inSubnet = query.from.find(({ network }) => subnetContains(network.subnet, yiaddr))
    if (inSubnet === undefined) {
      for (const served of query.from) this.#allocator.nak(query, served, `${formatIpv4(yiaddr)} is not an address of this network`)
    } else if (!this.#allocator.lease(query, inSubnet, yiaddr) && this.#contradicts(inSubnet, query.client, yiaddr)) {
      this.#allocator.nak(query, inSubnet, `${formatIpv4(yiaddr)} is not leased to this client`)
    }
  }

  /**
   * A RENEWING client sends by unicast to the server that granted the lease, even from behind a relay; a REBINDING
   * client broadcasts to any server. A socket that reports the interface does not tell the two apart: then the request
   * is taken for REBINDING, and the server stays silent about leases it does not know.
   */
  #requestExtension(query: Query): void {
    const { message: { ciaddr, giaddr }, path: { local, interfaceName } } = query
    const renewing = giaddr === 0 && interfaceName === '' && local.address !== WILDCARD
    for (const served of this.#served) {
      if (!subnetContains(served.network.subnet, ciaddr) || !(renewing || this.#mayBeOf(served, query))) continue
      if (this.#allocator.lease(query, served, ciaddr)) continue
      if (renewing || this.#contradicts(served, query.client, ciaddr)) this.#allocator.nak(query, served, `${formatIpv4(ciaddr)} is not leased to this client`)
    }
  }

  /** Whether the lease table contradicts the client: it has another address, or the address has another client. */
  #contradicts({ table }: Served, client: Client, yiaddr: number): boolean {
    const holder = table.bindingAt(yiaddr)
    return table.bindingOf(client.key) !== undefined || (holder !== undefined && holder.state !== 'free')
  }

  /** Probes for other servers are answered too, so that two Hamlets on one network find each other. */
  #isHamletOrHasLease({ message, client }: Query): boolean {
    return message.options.vendorClass === HAMLET_CLASS || client.key === PROBE_KEY || this.#served.some(({ table }) => table.bindingOf(client.key)?.state === 'leased')
  }

  /** RFC 2131 §4.3.3 */
  #decline(query: Query): void {
    const yiaddr = query.message.options.requestedAddress ?? 0
    const own = this.#holding(query, yiaddr)
    if (own !== undefined) this.#allocator.decline(own, yiaddr, query.nowMs, `${query.client.mac} declined ${formatIpv4(yiaddr)}, which it found in use`)
  }

  /** RFC 2131 §4.3.4 */
  #clientRelease(query: Query): void {
    const own = this.#holding(query, query.message.ciaddr)
    if (own !== undefined) this.#allocator.release(own.table, query.message.ciaddr)
  }

  /** RFC 2131 §4.3.5: the client has an address and asks for the other parameters. */
  #inform(query: Query): void {
    const served = this.#served.find(served => subnetContains(served.network.subnet, query.message.ciaddr) && this.#mayBeOf(served, query))
    if (served !== undefined) this.#allocator.inform(query, served)
  }

  /** A client that has an address may send by unicast from behind a relay, bypassing it. */
  #mayBeOf(served: Served, { from }: Query): boolean {
    return from.includes(served) || served.network.interfaceName === ''
  }

  /**
   * The network on which the client holds this address from this server. The server identifier may be missing:
   * systemd-networkd sends none in its RELEASE.
   */
  #holding(query: Query, yiaddr: number): Served | undefined {
    const { serverIdentifier } = query.message.options
    return this.#served.find(served => {
      const own = served.table.bindingOf(query.client.key)
      return own?.yiaddr === yiaddr && own.state !== 'free' && (serverIdentifier === undefined || this.#allocator.serverIdentifierOf(query, served) === serverIdentifier)
    })
  }
}

function reservedIn({ reservations }: ServedNetwork): number[] {
  return [...reservations.values()].map(({ yiaddr }) => yiaddr)
}
