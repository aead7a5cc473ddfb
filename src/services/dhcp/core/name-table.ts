/**
 * The names that clients should have in the DNS: `kettle` with 192.168.1.100 is `kettle.home` while its lease lasts. A
 * name belongs to the first client that has it (client-names.ts says which names it may have), and moves with that
 * client to another address.
 *
 * This module decides; name-registration.ts does the registering at the DNS server. Records that others have registered there are
 * left alone.
 */
import { formatIpv4 } from '../../kit/ip-address.ts'
import type { Client } from './binding.ts'
import type { ClientNames } from './client-names.ts'

/** As many as a Hamlet DNS server holds. */
const NAMES_MAX = 10_000

/** A record as listed by the DNS server's LIST command. */
export interface ListedRecord {
  readonly name: string
  readonly type: string
  readonly rdata: string
}

/** Parses a line of LIST's output; undefined for its last one, `OK …`. */
export function parseListLine(line: string): ListedRecord | undefined {
  const [, name, type, rdata] = /^(\S+) ([A-Z0-9]+) (.+)$/.exec(line) ?? []
  if (name === undefined || type === undefined || rdata === undefined || name === 'OK') return undefined
  return { name: name.replace(/\.$/, '').toLowerCase(), type, rdata }
}

/** The change that a name needs at the DNS server. */
export interface Change {
  /** The line to send to its admin port; undefined if no change is needed. */
  readonly line: string | undefined
  /**
   * The address of this server's own record afterwards. Empty if there is none, or the record belongs to someone else.
   */
  readonly own: readonly string[]
}

/** The client that has a name, and its address. */
interface Holder {
  readonly yiaddr: number
  /** Client.key */
  readonly key: string
}

export class NameTable {
  readonly #names: ClientNames
  readonly #holders = new Map<string, Holder>()
  readonly #nameOf = new Map<number, string>()
  /** Names whose record at the DNS server is out of date. */
  readonly #pending = new Set<string>()
  /** Names that their holders do not have in the DNS, because others have registered them there. */
  readonly #withheld = new Set<string>()

  constructor(names: ClientNames) {
    this.#names = names
  }

  /** The name that a client will have in the DNS with this address, as far as is known; undefined for none. */
  nameFor(yiaddr: number, client: Client): string | undefined {
    const name = this.#names.nameOf(client)
    return name === undefined || this.#withheld.has(name) || !this.#mayHave(name, yiaddr, client) ? undefined : name
  }

  /** A client was leased this address. @returns false if another client has its name, or there are too many names */
  leased(yiaddr: number, client: Client): boolean {
    const { key } = client
    const name = this.#names.nameOf(client)
    const before = this.#nameOf.get(yiaddr)
    if (before !== undefined && before !== name) this.ended(yiaddr)
    if (name === undefined) return true
    if (!this.#mayHave(name, yiaddr, client)) return false
    const holder = this.#holders.get(name)
    if (holder?.yiaddr === yiaddr && holder.key === key && !this.#withheld.has(name)) return true
    if (holder !== undefined) this.#nameOf.delete(holder.yiaddr)
    this.#holders.set(name, { yiaddr, key })
    this.#nameOf.set(yiaddr, name)
    this.#pending.add(name)
    return true
  }

  /** The lease has ended. */
  ended(yiaddr: number): void {
    const name = this.#nameOf.get(yiaddr)
    if (name === undefined) return
    this.#nameOf.delete(yiaddr)
    this.#holders.delete(name)
    this.#withheld.delete(name)
    this.#pending.add(name)
  }

  /** The DNS server has been updated. @param isHeld whether the holder has the name there now */
  updated(name: string, isHeld: boolean): void {
    if (isHeld || !this.#holders.has(name)) this.#withheld.delete(name)
    else this.#withheld.add(name)
  }

  /** Takes the names that need an update. */
  takePending(): string[] {
    const names = [...this.#pending]
    this.#pending.clear()
    return names
  }

  /** Marks names as needing an update, or another attempt. */
  pend(names: readonly string[]): void {
    for (const name of names) this.#pending.add(name)
  }

  /**
   * The change that a name needs. A name under which others have registered a record, of whatever type, gets no
   * address.
   * @param records what the DNS server has under that name now
   * @param own the addresses whose record may be this server's own
   */
  changeFor(name: string, records: readonly ListedRecord[], own: readonly string[]): Change {
    const holder = this.#holders.get(name)
    const [existing, ...more] = records.filter(({ type }) => type === 'A' || type === 'CNAME')
    const isOwn = existing !== undefined && more.length === 0 && existing.type === 'A' && own.includes(existing.rdata)
    if (holder === undefined) return { line: isOwn ? `UNREGISTER ${name} A` : undefined, own: [] }
    if (records.length > 0 && !isOwn) return { line: undefined, own: [] }
    const address = formatIpv4(holder.yiaddr)
    return { line: existing?.rdata === address ? undefined : `REGISTER ${name} ${address}`, own: [address] }
  }

  #mayHave(name: string, yiaddr: number, { key }: Client): boolean {
    const holder = this.#holders.get(name)
    return holder === undefined ? this.#holders.size < NAMES_MAX : holder.key === key || holder.yiaddr === yiaddr
  }
}
