/**
 * The commands of the admin port, one per line:
 *
 *     REGISTER my-app.home 192.168.1.50          replaces the addresses of that family, keeps those of the other
 *     REGISTER my-app.home TXT "two words"       adds one record
 *     REPLACE _http._tcp.my-app.home SRV 0 0 8080 my-app.home    replaces all records of that name and type, in one step
 *     UNREGISTER my-app.home [TYPE]
 *     LIST
 *     FLUSH                                      empties the cache, keeps registered names
 *
 * Each is answered with `OK …` or `ERROR …`. LIST sends one line per record before its `OK n names`.
 */
import { oneLine, UsageError } from '../../../kit/errors.ts'
import { isIpAddress, parseIpv4 } from '../../../kit/ip-address.ts'
import type { ResourceRecord } from '../../wire/message.ts'
import { isWithin, nameKey, parseName, ROOT } from '../../wire/name.ts'
import { EntryReader, type Token } from '../../wire/presentation.ts'
import { formatRdata, parseRdata, TYPES_WITH_PRESENTATION_FORMAT } from '../../wire/rdata.ts'
import { formatType, isMetaType, parseType, TYPE } from '../../wire/types.ts'
import { APEX, isApexOwn } from '../zone/apex.ts'
import type { Register, Unregister } from '../zone/zone-change.ts'

export type AdminCommand =
  | { readonly verb: 'change'; readonly change: Register | Unregister }
  | { readonly verb: 'list' }
  | { readonly verb: 'flush' }

export const ADMIN_LINE_BYTES_MAX = 1024
/** Keeps a reply datagram from being fragmented; a longer line is truncated. */
const DATAGRAM_CHARACTERS_MAX = 1200
/** Half a megabyte of datagrams. For a longer list, read dns.zone. */
const LIST_LINES_MAX = 10_000
/** All but SOA, which the server maintains itself. */
const REGISTRABLE = TYPES_WITH_PRESENTATION_FORMAT.filter(type => type !== TYPE.SOA).map(formatType).join(', ')
const USAGE = 'write REGISTER name ip, REGISTER name TYPE data, REPLACE name TYPE data, UNREGISTER name [TYPE], LIST or FLUSH'

/**
 * Parses one line.
 * @param line one character per octet
 * @throws UsageError naming the invalid part
 */
export function parseAdminLine(line: string): AdminCommand {
  if (line.length > ADMIN_LINE_BYTES_MAX) throw new UsageError('The line is too long', `it has ${line.length} octets, ${ADMIN_LINE_BYTES_MAX} is the limit`, 'shorten it')
  const entries = new EntryReader(line.trim())
  const [verb, ...words] = entries.next()?.tokens ?? []
  if (entries.next() !== undefined) throw new UsageError('The line was rejected', 'it is more than one line', 'send each line by itself')
  switch (verb?.text.toUpperCase()) {
    case 'REGISTER': return { verb: 'change', change: parseRegister(words) }
    case 'REPLACE': return { verb: 'change', change: { ...parseRegister(words), replace: true } }
    case 'UNREGISTER': return { verb: 'change', change: parseUnregister(words) }
    case 'LIST': return alone('list', words)
    case 'FLUSH': return alone('flush', words)
    case undefined: throw new UsageError('The line was rejected', 'it is empty', USAGE)
    default: throw new UsageError('The line was rejected', `"${printable(verb?.text ?? '')}" is not an admin command`, USAGE)
  }
}

/** `OK my-app.home A 192.168.1.50`. */
export function formatChanged(change: Register | Unregister): string {
  return change.change === 'register'
    ? `OK ${change.name} ${change.type} ${change.rdata}`
    : `OK ${change.name} ${change.type === undefined ? '' : `${change.type} `}unregistered`
}

/** One line per registered record, at most LIST_LINES_MAX, then the number of names. */
export function formatList(records: Iterable<ResourceRecord>, nameCount: number): string[] {
  const lines: string[] = []
  for (const record of records) {
    if (isApexOwn(record)) continue
    if (lines.length === LIST_LINES_MAX) return [...lines, `OK ${nameCount} names, only the first ${LIST_LINES_MAX} records are listed`]
    lines.push(`${record.name} ${formatType(record.type)} ${formatRdata(record.type, record.rdata)}`)
  }
  return [...lines, `OK ${nameCount} ${nameCount === 1 ? 'name' : 'names'}`]
}

/** `ERROR` and the error on one line. */
export function formatAdminError(error: unknown): string {
  return `ERROR ${oneLine(error)}`
}

/** Packs lines into datagrams, as many into each as fit, with a newline after each line. */
export function toDatagrams(lines: readonly string[]): string[] {
  const datagrams: string[] = []
  for (const line of lines) {
    const text = `${line.length < DATAGRAM_CHARACTERS_MAX ? line : `${line.slice(0, DATAGRAM_CHARACTERS_MAX - 5)} ...`}\n`
    const last = datagrams.length - 1
    const open = datagrams[last]
    if (open !== undefined && open.length + text.length <= DATAGRAM_CHARACTERS_MAX) datagrams[last] = open + text
    else datagrams.push(text)
  }
  return datagrams
}

function parseRegister([name, typeOrAddress, ...words]: readonly Token[]): Register {
  const owner = parseOwner(name)
  const word = typeOrAddress?.text ?? ''
  if (isIpAddress(word)) {
    if (words.length > 0) throw new UsageError(`${owner} was not registered`, `"${printable(words[0]?.text ?? '')}" is one word too many`, USAGE)
    const type = parseIpv4(word) === undefined ? TYPE.AAAA : TYPE.A
    return { change: 'register', name: owner, type: formatType(type), rdata: canonicalRdata(type, [{ text: word, quoted: false }]), replace: true }
  }
  const type = parseType(word)
  if (type === undefined) throw new UsageError(`${owner} was not registered`, word === '' ? 'its address is missing' : `"${printable(word)}" is neither an IP address nor a record type`, USAGE)
  if (isMetaType(type) || type === TYPE.SOA) throw new UsageError(`${owner} was not registered`, `${formatType(type)} cannot be registered`, `use one of ${REGISTRABLE}, or write another type as octets`)
  if (type === TYPE.NS && nameKey(owner) === APEX) throw new UsageError(`${owner} was not registered`, 'the name servers of the zone itself are set in dns.zone', 'edit dns.zone')
  return { change: 'register', name: owner, type: formatType(type), rdata: canonicalRdata(type, words), replace: false }
}

function parseUnregister([name, typeWord, ...words]: readonly Token[]): Unregister {
  const owner = parseOwner(name)
  const type = typeWord === undefined ? undefined : parseType(typeWord.text)
  if (words.length > 0 || (typeWord !== undefined && type === undefined)) throw new UsageError(`${owner} was not unregistered`, `"${printable((words[0] ?? typeWord)?.text ?? '')}" is not a record type`, USAGE)
  return { change: 'unregister', name: owner, ...(type === undefined ? {} : { type: formatType(type) }) }
}

function parseOwner(token: Token | undefined): string {
  if (token === undefined) throw new UsageError('The line was rejected', 'its name is missing', USAGE)
  if (/[^\x21-\x7e]/.test(token.text)) throw new UsageError(`"${printable(token.text)}" cannot be registered`, 'a name must be ASCII', 'write the "xn--" form of the name')
  const name = parseName(token.text)
  if (name === ROOT) throw new UsageError('The root cannot be registered', 'every name ends in it', 'write a name such as my-app.home')
  if (isWithin(name, 'local')) throw new UsageError(`${name} cannot be registered`, '.local belongs to multicast DNS, and most systems never ask a DNS server for it (RFC 6762 §3)', `use ${name.replace(/\.?local$/i, '') || 'name'}.home`)
  return name
}

/** Data in canonical form, so that equal data has equal text. */
function canonicalRdata(type: number, words: readonly Token[]): string {
  return formatRdata(type, parseRdata(type, words))
}

function alone(verb: 'list' | 'flush', words: readonly Token[]): AdminCommand {
  if (words.length > 0) throw new UsageError('The line was rejected', `"${printable(words[0]?.text ?? '')}" is one word too many`, USAGE)
  return { verb }
}

function printable(text: string): string {
  return text.slice(0, 60).replace(/[^\x20-\x7e]/g, '?')
}
