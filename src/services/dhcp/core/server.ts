/**
 * The DHCP server as a machine: RFC 2131 §4.3. Without I/O; node/drive.ts runs it.
 *
 * Plain sockets do not tell on which interface a broadcast came in. So a DISCOVER that may be from any served network is
 * answered from all of them, each with an offer of its own pool: the client sees only what is sent on its wire. The server
 * identifier in its REQUEST names the network, and the offers of the others are withdrawn.
 *
 * This file says what a message means; lender.ts does it.
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
import { Lender, nameOf, type Asked, type LendingOptions, type Served, type ServerEvent } from './lender.ts'
import { networksOf } from './origin.ts'
import type { ServedNetwork } from './pools.ts'
import type { Found } from './probes.ts'

export interface ServerOptions extends LendingOptions {
  readonly networks: readonly ServedNetwork[]
  /** The journal's, in its order. */
  readonly records: readonly LeaseRecord[]
}

const WILDCARD = '0.0.0.0'
const PROBE_KEY = formatHex(PROBE_IDENTIFIER)
/** Questions of our own that are not answered: those of the last looks for other servers. */
const UNHEARD_MAX = 64

export class DhcpServer implements Machine<ServerEvent, LeaseRecord> {
  /** Serve Hamlet's own clients and those who have a lease, and nobody else: another server is on the network. */
  hamletOnly = false
  readonly #served: readonly Served[]
  readonly #foreign = new ForeignRecords()
  readonly #lender: Lender
  readonly #unheard = new Set<number>()

  constructor(options: ServerOptions) {
    this.#served = options.networks.map(network => ({ network, table: new LeaseTable(network.pool, network.excluded, reservedIn(network)) }))
    this.#lender = new Lender(this.#served, options)
    for (const record of options.records) this.#restore(record)
  }

  get outbox(): Effect<ServerEvent, LeaseRecord>[] {
    return this.#lender.outbox
  }

  receive(bytes: Uint8Array, path: Path, nowMs: number): void {
    this.timeout(nowMs)
    try {
      const message = decodeMessage(bytes)
      if (message.op !== OP.request || this.#unheard.has(message.xid)) return
      const client = clientOf(message, key => this.#served.some(({ network }) => network.reservations.has(key)))
      if (client === undefined) this.#lender.tellRefused(path.peer.address, 'it names neither an identifier nor a hardware address')
      else this.#answer({ message, path, client, nowMs, from: networksOf(this.#served, message, path) })
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
      this.#lender.tellRefused(path.peer.address, error.parts.why)
    }
  }

  timeout(nowMs: number): void {
    this.#lender.timeout(nowMs)
    for (const binding of this.#foreign.expire(nowMs)) this.#lender.tell('expired', binding)
  }

  deadlineMs(): number {
    return Math.min(this.#lender.deadlineMs(), this.#foreign.deadlineMs())
  }

  /** Takes an address back before its time. False: nobody has it. */
  release(yiaddr: number): boolean {
    return this.#served.some(({ table }) => this.#lender.release(table, yiaddr))
  }

  /**
   * The answer to a `probe` event.
   * @param found undefined: nobody is there
   */
  probed(yiaddr: number, found: Found | undefined, nowMs: number): void {
    this.#lender.probed(yiaddr, found, nowMs)
  }

  /** The clock was set: leases last as long as their clients were told. `records` are to be written anew. */
  clockSet(byMs: number): void {
    for (const { table } of this.#served) table.shift(byMs)
    this.#foreign.shift(byMs)
  }

  /** A question with this xid is our own, to other servers. */
  ignore(xid: number): void {
    this.#unheard.add(xid)
    if (this.#unheard.size > UNHEARD_MAX) this.#unheard.delete(this.#unheard.values().next().value ?? 0)
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

  #answer(asked: Asked): void {
    const { messageType } = asked.message.options
    if (this.hamletOnly && !this.#isHamletOrHasLease(asked)) {
      if (messageType === MESSAGE_TYPE.DISCOVER) this.#lender.tellRefused(asked.client.mac, 'another DHCP server is on the network, so only Hamlet\'s own clients are served')
      return
    }
    switch (messageType) {
      case MESSAGE_TYPE.DISCOVER: return this.#discover(asked)
      case MESSAGE_TYPE.REQUEST: return this.#request(asked)
      case MESSAGE_TYPE.DECLINE: return this.#decline(asked)
      case MESSAGE_TYPE.RELEASE: return this.#clientRelease(asked)
      case MESSAGE_TYPE.INFORM: return this.#inform(asked)
      case undefined: return this.#bootp(asked)
      default: // Answers of others and types of later RFCs are not for this server.
    }
  }

  /** RFC 2131 §4.3.1 */
  #discover(asked: Asked): void {
    if (asked.from.length === 0) this.#lender.tellRefused(asked.client.mac, `no network is served where it asks from (${asked.path.peer.address})`)
    for (const served of asked.from) {
      if (asked.client.key === PROBE_KEY) this.#lender.sendOffer(asked, served, undefined)
      else this.#lender.offer(asked, served)
    }
  }

  /** RFC 1534 §2: a message without a type is from a client that knows BOOTP only, and would keep what it gets for ever. So that has to be reserved for it. */
  #bootp(asked: Asked): void {
    const { from, client } = asked
    const reserved = from.filter(({ network: { reservations } }) => reservations.has(client.key))
    if (reserved.length === 0) this.#lender.tellRefused(client.mac, 'it speaks only BOOTP, and no address is reserved for it')
    for (const served of reserved) this.#lender.leaseByBootp(asked, served, served.network.reservations.get(client.key)?.yiaddr ?? 0)
  }

  /** RFC 2131 §4.3.2: which of the four kinds of REQUEST it is shows in what is filled in. */
  #request(asked: Asked): void {
    const { requestedAddress, serverIdentifier } = asked.message.options
    if (serverIdentifier !== undefined) this.#requestSelecting(asked, serverIdentifier)
    else if (requestedAddress !== undefined) this.#requestInitReboot(asked, requestedAddress)
    else if (asked.message.ciaddr !== 0) this.#requestExtension(asked)
    else this.#lender.tellRefused(asked.client.mac, 'its REQUEST names no address')
  }

  #requestSelecting(asked: Asked, serverIdentifier: number): void {
    const chosen = (asked.message.giaddr === 0 ? this.#served : asked.from).find(served => this.#lender.identifierOf(asked, served) === serverIdentifier)
    for (const served of this.#served) {
      const withdrawn = served === chosen ? undefined : served.table.withdrawOffer(asked.client.key)
      if (withdrawn !== undefined) this.#lender.tell('released', withdrawn)
    }
    if (chosen === undefined) return
    const yiaddr = asked.message.options.requestedAddress ?? asked.message.ciaddr
    if (!this.#lender.lease(asked, chosen, yiaddr, { mayBeNew: true, rapid: false })) this.#lender.refuse(asked, chosen, `${formatIpv4(yiaddr)} is not offered to this client`)
  }

  /** A client that comes back and remembers its address. What this server knows nothing about may be another server's: silence. */
  #requestInitReboot(asked: Asked, yiaddr: number): void {
    const inSubnet = asked.from.find(({ network }) => subnetContains(network.subnet, yiaddr))
    if (inSubnet === undefined) {
      for (const served of asked.from) this.#lender.refuse(asked, served, `${formatIpv4(yiaddr)} is not an address of this network`)
    } else if (!this.#lender.lease(asked, inSubnet, yiaddr) && this.#knows(inSubnet, asked.client, yiaddr)) {
      this.#lender.refuse(asked, inSubnet, `${formatIpv4(yiaddr)} is not lent to this client`)
    }
  }

  /**
   * RENEWING comes by unicast to the address that lent, from a network behind a relay too; REBINDING by broadcast to any server.
   * Where the system names the interface it does not tell the two apart, and the client gets the benefit of the doubt.
   */
  #requestExtension(asked: Asked): void {
    const { message: { ciaddr, giaddr }, path: { local, interfaceName } } = asked
    const renewing = giaddr === 0 && interfaceName === '' && local.address !== WILDCARD
    for (const served of this.#served) {
      if (!subnetContains(served.network.subnet, ciaddr) || !(renewing || this.#mayBeOf(served, asked))) continue
      if (this.#lender.lease(asked, served, ciaddr)) continue
      if (renewing || this.#knows(served, asked.client, ciaddr)) this.#lender.refuse(asked, served, `${formatIpv4(ciaddr)} is not lent to this client`)
    }
  }

  /** True where the record shows that the client is wrong: it has another address, or the address has another client. */
  #knows({ table }: Served, client: Client, yiaddr: number): boolean {
    const holder = table.bindingAt(yiaddr)
    return table.bindingOf(client.key) !== undefined || (holder !== undefined && holder.state !== 'free')
  }

  /** Who looks for other servers is answered too: two Hamlets on one network shall find each other. */
  #isHamletOrHasLease({ message, client }: Asked): boolean {
    return message.options.vendorClass === HAMLET_CLASS || client.key === PROBE_KEY || this.#served.some(({ table }) => table.bindingOf(client.key)?.state === 'leased')
  }

  /** RFC 2131 §4.3.3 */
  #decline(asked: Asked): void {
    const yiaddr = asked.message.options.requestedAddress ?? 0
    const own = this.#holding(asked, yiaddr)
    if (own !== undefined) this.#lender.rest(own, yiaddr, asked.nowMs, `${asked.client.mac} found ${formatIpv4(yiaddr)} in use by somebody`)
  }

  /** RFC 2131 §4.3.4 */
  #clientRelease(asked: Asked): void {
    const own = this.#holding(asked, asked.message.ciaddr)
    if (own !== undefined) this.#lender.release(own.table, asked.message.ciaddr)
  }

  /** RFC 2131 §4.3.5: a client that has an address and wants the rest. */
  #inform(asked: Asked): void {
    const served = this.#served.find(served => subnetContains(served.network.subnet, asked.message.ciaddr) && this.#mayBeOf(served, asked))
    if (served !== undefined) this.#lender.inform(asked, served)
  }

  /** Who has an address asks past the relay, by unicast. */
  #mayBeOf(served: Served, { from }: Asked): boolean {
    return from.includes(served) || served.network.interfaceName === ''
  }

  /** The network where the client has this address, where it means this server: systemd-networkd names none in its RELEASE. */
  #holding(asked: Asked, yiaddr: number): Served | undefined {
    const { serverIdentifier } = asked.message.options
    return this.#served.find(served => {
      const own = served.table.bindingOf(asked.client.key)
      return own?.yiaddr === yiaddr && own.state !== 'free' && (serverIdentifier === undefined || this.#lender.identifierOf(asked, served) === serverIdentifier)
    })
  }
}

function reservedIn({ reservations }: ServedNetwork): number[] {
  return [...reservations.values()].map(({ yiaddr }) => yiaddr)
}
