/**
 * The DHCP server as a machine: RFC 2131 §4.3. Without I/O; node/drive.ts runs it.
 *
 * Plain sockets do not tell on which interface a broadcast came in. So a DISCOVER that may be from any served network is
 * answered from all of them, each with an offer of its own pool: the client sees only what is sent on its wire. The server
 * identifier in its REQUEST names the network, and the offers of the others are withdrawn.
 *
 * This file says what a message means; allocator.ts does it.
 */
import type { Path } from '../../kit/endpoint.ts'
import { MalformedPacket } from '../../kit/errors.ts'
import { formatIpv4, parseIpv4, subnetContains } from '../../kit/ip-address.ts'
import type { Effect, Machine } from '../../kit/machine.ts'
import { formatHex } from '../wire/hardware-address.ts'
import { HAMLET_CLASS, PROBE_IDENTIFIER } from '../wire/hamlet-options.ts'
import { OP } from '../wire/header.ts'
import { decodeMessage, MESSAGE_TYPE } from '../wire/message.ts'
import { ForeignRecords } from './foreign-records.ts'
import { clientOf } from './identity.ts'
import type { Binding, Client, LeaseRecord } from './binding.ts'
import { LeaseTable } from './leases.ts'
import { Allocator, nameOf, type Query, type AllocationOptions, type Served, type ServerEvent } from './allocator.ts'
import { selectNetworks } from './subnet-selection.ts'
import type { ServedNetwork } from './pools.ts'
import type { ProbeResult } from './probes.ts'

export interface ServerOptions extends AllocationOptions {
  readonly networks: readonly ServedNetwork[]
  /** The journal's, in its order. */
  readonly records: readonly LeaseRecord[]
}

const WILDCARD = '0.0.0.0'
const PROBE_KEY = formatHex(PROBE_IDENTIFIER)
/** Questions of our own that are not answered: those of the last looks for other servers. */
const IGNORED_XIDS_MAX = 64

export class DhcpServer implements Machine<ServerEvent, LeaseRecord> {
  /** Serve Hamlet's own clients and those who have a lease, and nobody else: another server is on the network. */
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
      if (client === undefined) this.#allocator.tellRefused(path.peer.address, 'it names neither an identifier nor a hardware address')
      else this.#answer({ message, path, client, nowMs, from: selectNetworks(this.#served, message, path) })
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
      this.#allocator.tellRefused(path.peer.address, error.parts.why)
    }
  }

  timeout(nowMs: number): void {
    this.#allocator.timeout(nowMs)
    for (const binding of this.#foreign.expire(nowMs)) this.#allocator.tell('expired', binding)
  }

  deadlineMs(): number {
    return Math.min(this.#allocator.deadlineMs(), this.#foreign.deadlineMs())
  }

  /** Takes an address back before its time. False: nobody has it. */
  release(yiaddr: number): boolean {
    return this.#served.some(({ table }) => this.#allocator.release(table, yiaddr))
  }

  /**
   * The answer to a `probe` event.
   * @param found undefined: nobody is there
   */
  probed(yiaddr: number, found: ProbeResult | undefined, nowMs: number): void {
    this.#allocator.probed(yiaddr, found, nowMs)
  }

  /** The clock was set: leases last as long as their clients were told. `records` are to be written anew. */
  clockSet(byMs: number): void {
    for (const { table } of this.#served) table.shift(byMs)
    this.#foreign.shift(byMs)
  }

  /** A question with this xid is our own, to other servers. */
  ignore(xid: number): void {
    this.#ignoredXids.add(xid)
    if (this.#ignoredXids.size > IGNORED_XIDS_MAX) this.#ignoredXids.delete(this.#ignoredXids.values().next().value ?? 0)
  }

  /** What is offered, leased or declined now. */
  taken(): Binding[] {
    return this.#served.flatMap(({ table }) => table.taken())
  }

  /**
   * Every lease that runs: those of networks that are not served now, then the others in the order in which they end. So of
   * the leases that one client has the last is where it was seen last.
   */
  leased(): Binding[] {
    const served = this.taken().filter(({ state }) => state === 'leased')
    return [...this.#foreign.leased(), ...served.sort((one, other) => one.expiresAtMs - other.expiresAtMs)]
  }

  /** The networks that have no address left, as a sentence; undefined where there is none. */
  exhaustion(): string | undefined {
    const full = this.#served.filter(({ table }) => table.isExhausted).map(({ network, table }) => `${nameOf(network)} (the pool has ${table.size})`)
    return full.length === 0 ? undefined : `new clients get no address: all are taken on ${full.join(', ')}`
  }

  /** Undefined: the address was never used. */
  bindingAt(yiaddr: number): Binding | undefined {
    for (const { table } of this.#served) {
      const binding = table.bindingAt(yiaddr)
      if (binding !== undefined) return binding
    }
    return undefined
  }

  /** All that the journal needs to hold: a restart with these knows what this machine knows. */
  records(): LeaseRecord[] {
    return [...this.#foreign.records(), ...this.#served.flatMap(({ table }) => table.records())]
  }

  /** A lease without an end stands as long as its address is reserved, for its client never gives it back. */
  #restore(record: LeaseRecord): void {
    const isOver = record.state === 'leased' && record.expiresAtMs === Infinity && !this.#isReserved(record)
    const restored: LeaseRecord = isOver ? { ...record, state: 'released', expiresAtMs: 0 } : record
    if (!this.#served.some(({ table }) => table.restore(restored))) this.#foreign.keep(restored)
  }

  #isReserved({ key, yiaddr }: LeaseRecord): boolean {
    return this.#served.some(({ network: { reservations } }) => reservations.get(key)?.yiaddr === parseIpv4(yiaddr))
  }

  #answer(query: Query): void {
    const { messageType } = query.message.options
    if (this.hamletOnly && !this.#isHamletOrHasLease(query)) {
      if (messageType === MESSAGE_TYPE.DISCOVER) this.#allocator.tellRefused(query.client.mac, 'another DHCP server is on the network, so only Hamlet\'s own clients are served')
      return
    }
    switch (messageType) {
      case MESSAGE_TYPE.DISCOVER: return this.#discover(query)
      case MESSAGE_TYPE.REQUEST: return this.#request(query)
      case MESSAGE_TYPE.DECLINE: return this.#decline(query)
      case MESSAGE_TYPE.RELEASE: return this.#clientRelease(query)
      case MESSAGE_TYPE.INFORM: return this.#inform(query)
      case undefined: return this.#bootp(query)
      default: // Answers of others and types of later RFCs are not for this server.
    }
  }

  /** RFC 2131 §4.3.1 */
  #discover(query: Query): void {
    if (query.from.length === 0) this.#allocator.tellRefused(query.client.mac, `no network is served where it asks from (${query.path.peer.address})`)
    for (const served of query.from) {
      if (query.client.key === PROBE_KEY) this.#allocator.sendOffer(query, served, undefined)
      else this.#allocator.offer(query, served)
    }
  }

  /** RFC 1534 §2: a message without a type is from a client that knows BOOTP only, and would keep what it gets for ever. So that has to be reserved for it. */
  #bootp(query: Query): void {
    const { from, client } = query
    const reserved = from.filter(({ network: { reservations } }) => reservations.has(client.key))
    if (reserved.length === 0) this.#allocator.tellRefused(client.mac, 'it speaks only BOOTP, and no address is reserved for it')
    for (const served of reserved) this.#allocator.leaseByBootp(query, served, served.network.reservations.get(client.key)?.yiaddr ?? 0)
  }

  /** RFC 2131 §4.3.2: which of the four kinds of REQUEST it is shows in what is filled in. */
  #request(query: Query): void {
    const { requestedAddress, serverIdentifier } = query.message.options
    if (serverIdentifier !== undefined) this.#requestSelecting(query, serverIdentifier)
    else if (requestedAddress !== undefined) this.#requestInitReboot(query, requestedAddress)
    else if (query.message.ciaddr !== 0) this.#requestExtension(query)
    else this.#allocator.tellRefused(query.client.mac, 'its REQUEST names no address')
  }

  #requestSelecting(query: Query, serverIdentifier: number): void {
    const chosen = (query.message.giaddr === 0 ? this.#served : query.from).find(served => this.#allocator.identifierOf(query, served) === serverIdentifier)
    for (const served of this.#served) {
      const withdrawn = served === chosen ? undefined : served.table.withdrawOffer(query.client.key)
      if (withdrawn !== undefined) this.#allocator.tell('released', withdrawn)
    }
    if (chosen === undefined) return
    const yiaddr = query.message.options.requestedAddress ?? query.message.ciaddr
    if (!this.#allocator.lease(query, chosen, yiaddr, { mayBeNew: true, rapid: false })) this.#allocator.refuse(query, chosen, `${formatIpv4(yiaddr)} is not offered to this client`)
  }

  /** A client that comes back and remembers its address. What this server knows nothing about may be another server's: silence. */
  #requestInitReboot(query: Query, yiaddr: number): void {
    const inSubnet = query.from.find(({ network }) => subnetContains(network.subnet, yiaddr))
    if (inSubnet === undefined) {
      for (const served of query.from) this.#allocator.refuse(query, served, `${formatIpv4(yiaddr)} is not an address of this network`)
    } else if (!this.#allocator.lease(query, inSubnet, yiaddr) && this.#knows(inSubnet, query.client, yiaddr)) {
      this.#allocator.refuse(query, inSubnet, `${formatIpv4(yiaddr)} is not lent to this client`)
    }
  }

  /**
   * RENEWING comes by unicast to the address that lent, from a network behind a relay too; REBINDING by broadcast to any server.
   * Where the system names the interface it does not tell the two apart, and the client gets the benefit of the doubt.
   */
  #requestExtension(query: Query): void {
    const { message: { ciaddr, giaddr }, path: { local, interfaceName } } = query
    const renewing = giaddr === 0 && interfaceName === '' && local.address !== WILDCARD
    for (const served of this.#served) {
      if (!subnetContains(served.network.subnet, ciaddr) || !(renewing || this.#mayBeOf(served, query))) continue
      if (this.#allocator.lease(query, served, ciaddr)) continue
      if (renewing || this.#knows(served, query.client, ciaddr)) this.#allocator.refuse(query, served, `${formatIpv4(ciaddr)} is not lent to this client`)
    }
  }

  /** True where the record shows that the client is wrong: it has another address, or the address has another client. */
  #knows({ table }: Served, client: Client, yiaddr: number): boolean {
    const holder = table.bindingAt(yiaddr)
    return table.bindingOf(client.key) !== undefined || (holder !== undefined && holder.state !== 'free')
  }

  /** Who looks for other servers is answered too: two Hamlets on one network shall find each other. */
  #isHamletOrHasLease({ message, client }: Query): boolean {
    return message.options.vendorClass === HAMLET_CLASS || client.key === PROBE_KEY || this.#served.some(({ table }) => table.bindingOf(client.key)?.state === 'leased')
  }

  /** RFC 2131 §4.3.3 */
  #decline(query: Query): void {
    const yiaddr = query.message.options.requestedAddress ?? 0
    const own = this.#holding(query, yiaddr)
    if (own !== undefined) this.#allocator.rest(own, yiaddr, query.nowMs, `${query.client.mac} found ${formatIpv4(yiaddr)} in use by somebody`)
  }

  /** RFC 2131 §4.3.4 */
  #clientRelease(query: Query): void {
    const own = this.#holding(query, query.message.ciaddr)
    if (own !== undefined) this.#allocator.release(own.table, query.message.ciaddr)
  }

  /** RFC 2131 §4.3.5: a client that has an address and wants the rest. */
  #inform(query: Query): void {
    const served = this.#served.find(served => subnetContains(served.network.subnet, query.message.ciaddr) && this.#mayBeOf(served, query))
    if (served !== undefined) this.#allocator.inform(query, served)
  }

  /** Who has an address asks past the relay, by unicast. */
  #mayBeOf(served: Served, { from }: Query): boolean {
    return from.includes(served) || served.network.interfaceName === ''
  }

  /** The network where the client has this address, where it means this server: systemd-networkd names none in its RELEASE. */
  #holding(query: Query, yiaddr: number): Served | undefined {
    const { serverIdentifier } = query.message.options
    return this.#served.find(served => {
      const own = served.table.bindingOf(query.client.key)
      return own?.yiaddr === yiaddr && own.state !== 'free' && (serverIdentifier === undefined || this.#allocator.identifierOf(query, served) === serverIdentifier)
    })
  }
}

function reservedIn({ reservations }: ServedNetwork): number[] {
  return [...reservations.values()].map(({ yiaddr }) => yiaddr)
}
