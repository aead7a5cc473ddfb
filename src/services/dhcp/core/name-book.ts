/**
 * Which names the clients shall have in the DNS: `kettle` that has 192.168.1.100 becomes `kettle.home`, for as long as its
 * lease lives. The first client that has a name keeps it. names.ts tells the DNS server; whatever is registered there by
 * others stays as it is: only records that lead to an address of ours are changed.
 */
import { formatIpv4, parseIpv4 } from '../../kit/ip-address.ts'

/** As many as a Hamlet DNS server holds. */
const NAMES_MAX = 10_000
const LABEL_LENGTH_MAX = 63
/** Names by which systems look for a proxy, a tunnel and themselves, without being asked: whoever got one would get their traffic. */
const NEVER = new Set(['wpad', 'isatap', 'localhost'])

/** A host name as a label of letters, digits and hyphens (RFC 1123 §2.1): "Ophelia's Mac" → `ophelia-s-mac`. '' where nothing is left, or it may not be had. */
export function labelOf(hostName: string): string {
  const [first = ''] = hostName.toLowerCase().split('.')
  const label = first.replace(/[^a-z0-9]+/g, '-').replace(/^-+/, '').slice(0, LABEL_LENGTH_MAX).replace(/-+$/, '')
  return NEVER.has(label) ? '' : label
}

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

export class NameBook {
  readonly #domain: string
  readonly #isOurs: (yiaddr: number) => boolean
  readonly #addressOf = new Map<string, number>()
  readonly #nameOf = new Map<number, string>()
  /** Names of which the DNS server has not heard the latest. */
  readonly #pending = new Set<string>()

  /** @param isOurs whether an address is one that is lent here */
  constructor(domain: string, isOurs: (yiaddr: number) => boolean) {
    this.#domain = domain.toLowerCase()
    this.#isOurs = isOurs
  }

  /** A client has this address, and calls itself so. False: another client has the name, or there are too many. */
  leased(yiaddr: number, hostName: string): boolean {
    const label = labelOf(hostName)
    const name = label === '' ? undefined : `${label}.${this.#domain}`
    const before = this.#nameOf.get(yiaddr)
    if (before !== undefined && before !== name) this.ended(yiaddr)
    if (name === undefined || before === name) return true
    if (this.#addressOf.has(name) || this.#addressOf.size >= NAMES_MAX) return false
    this.#addressOf.set(name, yiaddr)
    this.#nameOf.set(yiaddr, name)
    this.#pending.add(name)
    return true
  }

  /** The lease is over. */
  ended(yiaddr: number): void {
    const name = this.#nameOf.get(yiaddr)
    if (name === undefined) return
    this.#nameOf.delete(yiaddr)
    this.#addressOf.delete(name)
    this.#pending.add(name)
  }

  /** Names that are to be told; they count as told from now on. */
  takePending(): string[] {
    const names = [...this.#pending]
    this.#pending.clear()
    return names
  }

  /** They could not be told. */
  putBack(names: readonly string[]): void {
    for (const name of names) this.#pending.add(name)
  }

  /**
   * What to tell the DNS server about a name.
   * @param records what it has under that name now
   * @returns a line for its admin port; undefined: all is as it should be, or the name is somebody else's
   */
  changeFor(name: string, records: readonly ListedRecord[]): string | undefined {
    const yiaddr = this.#addressOf.get(name)
    const [existing, ...more] = records.filter(({ type }) => type === 'A' || type === 'CNAME')
    const isOurs = existing !== undefined && more.length === 0 && existing.type === 'A' && this.#isOurs(parseIpv4(existing.rdata) ?? 0)
    if (yiaddr === undefined) return isOurs ? `UNREGISTER ${name} A` : undefined
    const address = formatIpv4(yiaddr)
    return (existing === undefined || isOurs) && existing?.rdata !== address ? `REGISTER ${name} ${address}` : undefined
  }
}
