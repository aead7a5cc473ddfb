/** A test bench for the DHCP server without sockets: messages in, messages out, and an array as journal. */
import type { Path } from '../../kit/endpoint.ts'
import { formatIpv4, parseIpv4 } from '../../kit/ip-address.ts'
import { decodeMessage, encodeMessage, MESSAGE_TYPE, type Message } from '../wire/message.ts'
import type { Options } from '../wire/options.ts'
import type { LeaseRecord } from '../core/binding.ts'
import type { ServerEvent } from '../core/allocator.ts'
import { ClientNames } from '../core/client-names.ts'
import { NameTable } from '../core/name-table.ts'
import { parseReservation } from '../core/address-settings.ts'
import { networksToServe, type Candidate, type AddressSettings } from '../core/pools.ts'
import { DhcpServer } from '../core/server.ts'

/** 192.0.2.1 → 3221225985. */
export const at = (address: string) => parseIpv4(address) ?? 0
export const candidate = (interfaceName: string, address: string, prefixBits = 24) => ({ interfaceName, address: at(address), prefixBits, loopback: interfaceName === 'lo', gateway: undefined })
export const TWO_INTERFACES = [candidate('lo', '127.0.0.1', 8), candidate('if0', '192.0.2.1'), candidate('if1', '198.51.100.1')]

/** `DISCOVER`; a message without a type is BOOTP (RFC 951). */
export function typeOf({ options }: Message): string {
  return Object.entries(MESSAGE_TYPE).find(([, value]) => value === options.messageType)?.[0] ?? 'BOOTP'
}

type Header = Partial<Omit<Message, 'options'>> & { readonly from?: string; readonly to?: string; readonly on?: string }

interface Setup {
  readonly candidates?: readonly Candidate[]
  readonly pool?: string
  readonly port?: number
  readonly dns?: string
  readonly records?: readonly LeaseRecord[]
  readonly settings?: AddressSettings
  readonly probe?: boolean
  readonly rapidCommit?: boolean
  readonly options?: Options
}

/** The server with its journal, events and clock. */
export class Bench {
  readonly journal: LeaseRecord[] = []
  readonly events: ServerEvent[] = []
  readonly names: NameTable
  readonly port: number
  server: DhcpServer
  nowMs = 0
  #restarts: () => DhcpServer

  constructor({ candidates = [candidate('if0', '192.0.2.1')], pool, port = 67, dns, records = [], settings = {}, probe = false, rapidCommit = false, options = {} }: Setup = {}) {
    this.port = port
    this.journal.push(...records)
    this.names = new NameTable(new ClientNames('home', (settings.reserve ?? []).map(parseReservation)))
    this.#restarts = () => new DhcpServer({
      networks: networksToServe(candidates, { pool, ...settings }), dnsAddress: dns === undefined ? undefined : at(dns), dnsPort: 5300, dnsAdminPort: 5354, leaseSeconds: 3600, domain: 'home',
      names: this.names, options, probe, rapidCommit, records: this.journal,
    })
    this.server = this.#restarts()
  }

  restart(): void {
    this.server = this.#restarts()
  }

  /** Gives a message to the server and returns what it sends. Journal records count as written at once. */
  ask(options: Options, header: Header = {}) {
    this.give(options, header)
    return this.drain()
  }

  give(options: Options, { from = '0.0.0.0:68', to = '0.0.0.0', on = '', ...header }: Header = {}): void {
    const [address = '', port] = from.split(':')
    const path: Path = { local: { address: to, port: this.port }, interfaceName: on, peer: { address, port: Number(port) } }
    const message: Message = { op: 1, htype: 1, hops: 0, xid: 77, secs: 0, broadcast: false, ciaddr: 0, yiaddr: 0, siaddr: 0, giaddr: 0, chaddr: mac(1), sname: '', file: '', ...header, options }
    this.server.receive(encodeMessage(message), path, this.nowMs)
  }

  drain() {
    const sent: { from: string; to: string; type: string; message: Message; bytes: Uint8Array }[] = []
    for (const outer of this.server.outbox.splice(0)) {
      if (outer.kind === 'persist') this.journal.push(outer.record)
      for (const effect of outer.kind === 'persist' ? outer.then : [outer]) {
        if (effect.kind === 'event') this.events.push(effect.event)
        if (effect.kind !== 'send') continue
        const message = decodeMessage(effect.bytes)
        const { local, peer } = effect.path
        sent.push({ from: `${local.address}:${local.port}`, to: `${peer.address}:${peer.port}`, type: typeOf(message), message, bytes: effect.bytes })
      }
    }
    return sent
  }

  /** DISCOVER and REQUEST of one client. @returns the leased address, or undefined */
  obtain(client: number): string | undefined {
    const [offer] = this.ask({ messageType: MESSAGE_TYPE.DISCOVER }, { chaddr: mac(client) })
    if (offer === undefined) return undefined
    const [ack] = this.ask({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: offer.message.yiaddr, serverIdentifier: offer.message.options.serverIdentifier }, { chaddr: mac(client) })
    return ack?.type === 'ACK' ? formatIpv4(ack.message.yiaddr) : undefined
  }

  /** The reasons of all refusals. */
  whys(): string[] {
    return this.events.flatMap(event => event.kind === 'refused' ? [event.why] : [])
  }
}

export const mac = (client: number) => Uint8Array.of(2, 0, 0x5e, 0, client >>> 8, client)
