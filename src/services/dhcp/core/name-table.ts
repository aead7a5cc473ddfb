/**
 * Which names the clients shall have in the DNS: `kettle` that has 192.168.1.100 becomes `kettle.home`, for as long as its
 * lease lives. The first client that has a name keeps it (client-names.ts says who may), and takes it along when it gets another
 * address. names.ts tells the DNS server; whatever is registered there by others stays as it is.
 */
import { formatIpv4 } from '../../kit/ip-address.ts'
import type { Client } from './binding.ts'
import type { ClientNames } from './client-names.ts'

/** As many as a Hamlet DNS server holds. */
const NAMES_MAX = 10_000
/** A record as the DNS server's LIST tells it. */
export interface ListedRecord {
  readonly name: string
  readonly type: string
  readonly rdata: string
}

/** Reads a line of LIST; undefined for its last one. */
export function parseListLine(line: string): ListedRecord | undefined {
  const [, name, type, rdata] = /^(\S+) ([A-Z0-9]+) (.+)$/.exec(line) ?? []
  if (name === undefined || type === undefined || rdata === undefined || name === 'OK') return undefined
  return { name: name.replace(/\.$/, '').toLowerCase(), type, rdata }
}

/** What is to become of a name at the DNS server. */
export interface Change {
  /** A line for its admin port; undefined: nothing is to be told. */
  readonly line: string | undefined
  /** Of which addresses its record is this server's own then; none: it has none, or it is somebody else's. */
  readonly own: readonly string[]
}

/** Who has a name. */
interface Holder {
  readonly yiaddr: number
  /** Client.key */
  readonly key: string
}

export class NameTable {
  readonly #names: ClientNames
  readonly #holders = new Map<string, Holder>()
  readonly #nameOf = new Map<number, string>()
  /** Names of which the DNS server has not heard the latest. */
  readonly #pending = new Set<string>()
  /** Names that their holders do not have in the DNS: others have registered them there. */
  readonly #withheld = new Set<string>()

  constructor(names: ClientNames) {
    this.#names = names
  }

  /** The name that a client will have in the DNS with this address, as far as is known; undefined: none. */
  nameFor(yiaddr: number, client: Client): string | undefined {
    const name = this.#names.nameOf(client)
    return name === undefined || this.#withheld.has(name) || !this.#mayHave(name, yiaddr, client) ? undefined : name
  }

  /** A client has this address, and calls itself so. False: another client has the name, or there are too many. */
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

  /** The lease is over. */
  ended(yiaddr: number): void {
    const name = this.#nameOf.get(yiaddr)
    if (name === undefined) return
    this.#nameOf.delete(yiaddr)
    this.#holders.delete(name)
    this.#withheld.delete(name)
    this.#pending.add(name)
  }

  /** The DNS server has been told of a name. @param isHeld its holder has it there now */
  told(name: string, isHeld: boolean): void {
    if (isHeld || !this.#holders.has(name)) this.#withheld.delete(name)
    else this.#withheld.add(name)
  }

  /** Names that are to be told; they count as told from now on. */
  takePending(): string[] {
    const names = [...this.#pending]
    this.#pending.clear()
    return names
  }

  /** They are to be told, once more where they could not be. */
  pend(names: readonly string[]): void {
    for (const name of names) this.#pending.add(name)
  }

  /**
   * What to tell the DNS server about a name. Beside what others have registered there, of whatever type, no address is put.
   * @param records what it has under that name now
   * @param own the addresses of which that may be this server's own record
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
