/**
 * The DHCP server as a machine: RFC 2131 §4.3. Without I/O; node/drive.ts runs it.
 *
 * Plain sockets do not tell on which interface a broadcast came in. So a DISCOVER that may be from any served network is
 * answered from all of them, each with an offer of its own pool: the client sees only what is sent on its wire. The server
 * identifier in its REQUEST names the network, and the offers of the others are withdrawn.
 */
import type { Path } from '../../kit/endpoint.ts'
import { MalformedPacket } from '../../kit/errors.ts'
import { formatIpv4, parseIpv4, subnetContains } from '../../kit/ip-address.ts'
import type { Effect, Machine } from '../../kit/machine.ts'
import { formatMac } from '../wire/hardware-address.ts'
import { PROBE_IDENTIFIER } from '../wire/hamlet-options.ts'
import { OP } from '../wire/header.ts'
import { decodeMessage, MESSAGE_TYPE, type Message } from '../wire/message.ts'
import { LeaseTable, type Binding, type Client, type LeaseRecord } from './leases.ts'
import type { ServedNetwork } from './pools.ts'
import { grant, refusal, type Reply, type Told } from './reply.ts'

export type ServerEvent =
  | { readonly kind: 'offered' | 'leased' | 'released' | 'expired' | 'declined'; readonly binding: Binding }
  /** A question was answered with no, or not at all. */
  | { readonly kind: 'refused'; readonly client: string; readonly why: string }

export interface ServerOptions extends Told {
  readonly networks: readonly ServedNetwork[]
  /** The journal's, in its order. */
  readonly records: readonly LeaseRecord[]
}

/** A network and what is lent there. */
interface Served {
  readonly network: ServedNetwork
  readonly table: LeaseTable
}

/** A message in hand. */
interface Asked {
  readonly message: Message
  readonly path: Path
  readonly client: Client
  readonly nowMs: number
  /** The networks that it may be from. */
  readonly from: readonly Served[]
}

const WILDCARD = '0.0.0.0'
const LEASE_SECONDS_MIN = 60
const CLIENT_KEY_BYTES_MAX = 64
const HOST_NAME_LENGTH_MAX = 63
/** Leases of networks that are not served now (a laptop elsewhere) are kept until they end. */
const FOREIGN_RECORDS_MAX = 65_536

export class DhcpServer implements Machine<ServerEvent, LeaseRecord> {
  readonly outbox: Effect<ServerEvent, LeaseRecord>[] = []
  readonly #served: readonly Served[]
  readonly #told: Told
  readonly #foreign = new Map<string, LeaseRecord>()

  constructor(options: ServerOptions) {
    this.#told = options
    this.#served = options.networks.map(network => ({ network, table: new LeaseTable(network.pool, network.excluded) }))
    for (const record of options.records) {
      if (this.#served.some(({ table }) => table.restore(record))) continue
      this.#foreign.delete(record.yiaddr)
      this.#foreign.set(record.yiaddr, record)
      if (this.#foreign.size > FOREIGN_RECORDS_MAX) this.#foreign.delete(this.#foreign.keys().next().value ?? '')
    }
  }

  receive(bytes: Uint8Array, path: Path, nowMs: number): void {
    this.timeout(nowMs)
    try {
      const message = decodeMessage(bytes)
      if (message.op === OP.request) this.#answer({ message, path, client: clientOf(message), nowMs, from: this.#networksOf(message, path) })
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
      this.#tellRefused(path.peer.address, error.parts.why)
    }
  }

  timeout(nowMs: number): void {
    for (const { table } of this.#served) for (const binding of table.expire(nowMs)) this.#tell('expired', binding)
  }

  deadlineMs(): number {
    return Math.min(...this.#served.map(({ table }) => table.deadlineMs()))
  }

  /** Takes an address back before its time. False: nobody has it. */
  release(yiaddr: number): boolean {
    return this.#served.some(({ table }) => this.#release(table, yiaddr))
  }

  /** What is offered, leased or declined now. */
  taken(): Binding[] {
    return this.#served.flatMap(({ table }) => table.taken())
  }

  /** Undefined: the address was never used. */
  bindingAt(yiaddr: number): Binding | undefined {
    return this.#served.map(({ table }) => table.bindingAt(yiaddr)).find(binding => binding !== undefined)
  }

  /** All that the journal needs to hold: a restart with these knows what this machine knows. */
  records(nowMs: number): LeaseRecord[] {
    const foreign = [...this.#foreign.values()].filter(({ expiresAtMs }) => expiresAtMs > nowMs)
    return [...foreign, ...this.#served.flatMap(({ table }) => table.records())]
  }

  /** The relay's network; that of the socket, where it is bound to one address; that of the sender's address; else all but loopback. */
  #networksOf({ giaddr }: Message, { local, peer }: Path): readonly Served[] {
    const holding = (address: number) => this.#served.filter(({ network }) => subnetContains(network.subnet, address))
    if (giaddr !== 0) return holding(giaddr)
    if (local.address !== WILDCARD) return this.#served.filter(({ network }) => network.serverAddress === parseIpv4(local.address))
    const sender = holding(parseIpv4(peer.address) ?? 0)
    return sender.length > 0 ? sender : this.#served.filter(({ network }) => !network.loopback)
  }

  #answer(asked: Asked): void {
    if (asked.client.key === '') return this.#tellRefused(asked.path.peer.address, 'it names neither an identifier nor a hardware address')
    switch (asked.message.options.messageType) {
      case MESSAGE_TYPE.DISCOVER: return this.#discover(asked)
      case MESSAGE_TYPE.REQUEST: return this.#request(asked)
      case MESSAGE_TYPE.DECLINE: return this.#decline(asked)
      case MESSAGE_TYPE.RELEASE: return this.#clientRelease(asked)
      case MESSAGE_TYPE.INFORM: return this.#inform(asked)
      default: // Answers of others, BOOTP and types of later RFCs are not for this server.
    }
  }

  /** RFC 2131 §4.3.1 */
  #discover({ message, path, client, nowMs, from }: Asked): void {
    if (from.length === 0) this.#tellRefused(client.mac, `no network is served where it asks from (${path.peer.address})`)
    for (const { network, table } of from) {
      const probing = sameBytes(message.options.clientIdentifier, PROBE_IDENTIFIER)
      const binding = probing ? undefined : table.offer(client, message.options.requestedAddress, nowMs)
      const yiaddr = probing ? table.nextFree() : binding?.yiaddr
      if (yiaddr === undefined) this.#tellRefused(client.mac, `no address of ${network.interfaceName} is free (the pool has ${table.size})`)
      else this.#send(grant('OFFER', message, path, network, this.#told, yiaddr, this.#leaseSeconds(message)))
      if (binding?.state === 'offered') this.#tell('offered', binding)
    }
  }

  /** RFC 2131 §4.3.2: which of the four kinds of REQUEST it is shows in what is filled in. */
  #request(asked: Asked): void {
    const { requestedAddress, serverIdentifier } = asked.message.options
    if (serverIdentifier !== undefined) this.#requestSelecting(asked, serverIdentifier)
    else if (requestedAddress !== undefined) this.#requestInitReboot(asked, requestedAddress)
    else if (asked.message.ciaddr !== 0) this.#requestExtension(asked)
    else this.#tellRefused(asked.client.mac, 'its REQUEST names no address')
  }

  #requestSelecting(asked: Asked, serverIdentifier: number): void {
    const chosen = this.#served.find(({ network }) => network.serverAddress === serverIdentifier)
    for (const served of this.#served) {
      const withdrawn = served === chosen ? undefined : served.table.withdrawOffer(asked.client.key)
      if (withdrawn !== undefined) this.#tell('released', withdrawn)
    }
    if (chosen === undefined) return
    const yiaddr = asked.message.options.requestedAddress ?? asked.message.ciaddr
    if (!this.#lease(asked, chosen, yiaddr, true)) this.#refuse(asked, chosen, `${formatIpv4(yiaddr)} is not offered to this client`)
  }

  /** A client that comes back and remembers its address. What this server knows nothing about may be another server's: silence. */
  #requestInitReboot(asked: Asked, yiaddr: number): void {
    const inSubnet = asked.from.find(({ network }) => subnetContains(network.subnet, yiaddr))
    if (inSubnet === undefined) {
      for (const served of asked.from) this.#refuse(asked, served, `${formatIpv4(yiaddr)} is not an address of this network`)
    } else if (!this.#lease(asked, inSubnet, yiaddr, false) && this.#knows(inSubnet, asked.client, yiaddr)) {
      this.#refuse(asked, inSubnet, `${formatIpv4(yiaddr)} is not lent to this client`)
    }
  }

  /** RENEWING comes by unicast to the address that lent; REBINDING by broadcast to any server. */
  #requestExtension(asked: Asked): void {
    const yiaddr = asked.message.ciaddr
    const renewing = asked.path.local.address !== WILDCARD
    for (const served of asked.from.filter(({ network }) => subnetContains(network.subnet, yiaddr))) {
      if (this.#lease(asked, served, yiaddr, false)) continue
      if (renewing || this.#knows(served, asked.client, yiaddr)) this.#refuse(asked, served, `${formatIpv4(yiaddr)} is not lent to this client`)
    }
  }

  /** Lends, and says so when the journal has it. False: the address is not this client's. */
  #lease({ message, path, client, nowMs }: Asked, { network, table }: Served, yiaddr: number, mayBeNew: boolean): boolean {
    const leaseSeconds = this.#leaseSeconds(message)
    const binding = table.lease(client, yiaddr, Math.floor(nowMs) + leaseSeconds * 1000, mayBeNew)
    if (binding === undefined) return false
    const ack = grant('ACK', message, path, network, this.#told, yiaddr, leaseSeconds)
    this.outbox.push({ kind: 'persist', record: recordOf(binding, 'leased'), then: [{ kind: 'send', ...ack }, { kind: 'event', event: { kind: 'leased', binding } }] })
    return true
  }

  /** True where the record shows that the client is wrong: it has another address, or the address has another client. */
  #knows({ table }: Served, client: Client, yiaddr: number): boolean {
    const holder = table.bindingAt(yiaddr)
    return table.bindingOf(client.key) !== undefined || (holder !== undefined && holder.state !== 'free')
  }

  /** RFC 2131 §4.3.3 */
  #decline({ message, client, nowMs }: Asked): void {
    const yiaddr = message.options.requestedAddress ?? 0
    const own = this.#bindingOf(client, message.options.serverIdentifier, yiaddr)
    if (own === undefined || own.table.isFree(yiaddr)) return
    const binding = own.table.decline(yiaddr, nowMs)
    this.outbox.push({ kind: 'persist', record: recordOf(binding, 'declined'), then: [{ kind: 'event', event: { kind: 'declined', binding } }] })
    this.#tellRefused(client.mac, `it found ${formatIpv4(yiaddr)} in use by somebody; the address rests for an hour`)
  }

  /** RFC 2131 §4.3.4 */
  #clientRelease({ message, client }: Asked): void {
    const own = this.#bindingOf(client, message.options.serverIdentifier, message.ciaddr)
    if (own !== undefined) this.#release(own.table, message.ciaddr)
  }

  /** RFC 2131 §4.3.5: a client that has an address and wants the rest. */
  #inform({ message, path, from }: Asked): void {
    const served = from.find(({ network }) => subnetContains(network.subnet, message.ciaddr))
    if (served !== undefined) this.#send(grant('ACK', message, path, served.network, this.#told, 0, undefined))
  }

  #release(table: LeaseTable, yiaddr: number): boolean {
    const binding = table.release(yiaddr)
    if (binding === undefined) return false
    this.outbox.push({ kind: 'persist', record: recordOf(binding, 'released'), then: [{ kind: 'event', event: { kind: 'released', binding } }] })
    return true
  }

  #bindingOf(client: Client, serverIdentifier: number | undefined, yiaddr: number): Served | undefined {
    return this.#served.find(({ network, table }) => network.serverAddress === serverIdentifier && table.bindingOf(client.key)?.yiaddr === yiaddr)
  }

  /** What the client asks for, within what this server gives (RFC 2131 §4.3.1). */
  #leaseSeconds(message: Message): number {
    return Math.max(LEASE_SECONDS_MIN, Math.min(message.options.leaseSeconds ?? Infinity, this.#told.leaseSeconds))
  }

  #refuse({ message, path, client }: Asked, { network }: Served, why: string): void {
    this.#send(refusal(message, path, network, why))
    this.#tellRefused(client.mac, why)
  }

  #send(reply: Reply): void {
    this.outbox.push({ kind: 'send', ...reply })
  }

  #tell(kind: Exclude<ServerEvent['kind'], 'refused'>, binding: Binding): void {
    this.outbox.push({ kind: 'event', event: { kind, binding } })
  }

  #tellRefused(client: string, why: string): void {
    this.outbox.push({ kind: 'event', event: { kind: 'refused', client, why } })
  }
}

/** RFC 2131 §4.2: the identifier where there is one, else the hardware address, in the form that RFC 2132 §9.14 gives an identifier. */
function clientOf({ htype, chaddr, options }: Message): Client {
  const { clientIdentifier } = options
  const identity = clientIdentifier !== undefined && clientIdentifier.length > 0 ? clientIdentifier : chaddr.length > 0 ? Uint8Array.of(htype, ...chaddr) : new Uint8Array(0)
  if (identity.length > CLIENT_KEY_BYTES_MAX) throw new MalformedPacket(0, 'RFC 2132 §9.14', `a client identifier of ${identity.length} bytes, ${CLIENT_KEY_BYTES_MAX} at most`)
  return {
    key: formatMac(identity).replaceAll(':', ''),
    mac: chaddr.length > 0 ? formatMac(chaddr) : formatMac(identity),
    hostName: (options.hostName ?? '').slice(0, HOST_NAME_LENGTH_MAX).replace(/[^\x21-\x7e]/g, '?'),
  }
}

function recordOf({ yiaddr, client, expiresAtMs }: Binding, state: LeaseRecord['state']): LeaseRecord {
  return { yiaddr: formatIpv4(yiaddr), state, ...client, expiresAtMs: state === 'released' ? 0 : expiresAtMs }
}

function sameBytes(one: Uint8Array | undefined, other: Uint8Array): boolean {
  return one?.length === other.length && other.every((byte, index) => byte === one[index])
}
