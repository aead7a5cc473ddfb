/**
 * Options that the person sets, as `CODE=VALUE` or `NAME=VALUE`, with the names of wire/options.ts in kebab case:
 *
 *     42=192.0.2.7    ntp-servers=192.0.2.8        a list: each line adds one
 *     domain-search=lab.example.org                 the same
 *     classless-routes=10.0.0.0/8=192.0.2.9         the same: destination, then router
 *     interface-mtu=1400    captive-portal=https://portal.example.org/
 *     224=0x0a0b            224=text                what Hamlet does not know: bytes in hexadecimal, or characters
 */
import { UsageError } from '../../kit/errors.ts'
import { parseIpv4, subnetOf } from '../../kit/ip-address.ts'
import { domainSearch } from '../wire/domain-names.ts'
import { address, addresses, routes, text, uint16, uint32, uint8, type Codec, type Route } from '../wire/option-values.ts'
import { END, OPTIONS, PAD, type Options } from '../wire/options.ts'

type KnownOption = (typeof OPTIONS)[keyof typeof OPTIONS]

/** What each message says for itself, and what `--lease` sets. */
const NOT_TO_BE_SET = new Set<number>([PAD, END, 52, ...[
  OPTIONS.requestedAddress, OPTIONS.leaseSeconds, OPTIONS.messageType, OPTIONS.serverIdentifier, OPTIONS.parameterRequestList, OPTIONS.message, OPTIONS.maxMessageBytes,
  OPTIONS.clientIdentifier, OPTIONS.rapidCommit, OPTIONS.clientFqdn, OPTIONS.relayAgent,
].map(({ code }) => code)])
const TIMES: ReadonlySet<number> = new Set([OPTIONS.renewalSeconds.code, OPTIONS.rebindingSeconds.code])
const VALUES_MAX = 128
const VALUE_LENGTH_MAX = 1024

/** One item of a list, or the whole value. */
const readers = new Map<Codec<never> | Codec<unknown>, { readonly isList: boolean; readonly write: string; read(value: string): unknown }>([
  [address, { isList: false, write: 'an IPv4 address', read: parseIpv4 }],
  [addresses, { isList: true, write: 'an IPv4 address', read: parseIpv4 }],
  [uint8, { isList: false, write: 'a whole number up to 255', read: value => parseNumber(value, 0xff) }],
  [uint16, { isList: false, write: 'a whole number up to 65535', read: value => parseNumber(value, 0xffff) }],
  [uint32, { isList: false, write: 'a whole number up to 4294967295', read: value => parseNumber(value, 0xffffffff) }],
  [text, { isList: false, write: 'printable characters', read: value => /^[\x20-\x7e]+$/.test(value) ? value : undefined }],
  [domainSearch, { isList: true, write: 'a domain name', read: parseDomain }],
  [routes, { isList: true, write: 'DESTINATION/BITS=ROUTER, such as 10.0.0.0/8=192.0.2.9', read: parseRoute }],
])

/**
 * Reads all that is set.
 * @throws UsageError naming the first text that cannot be taken, and why
 */
export function parseOptionSettings(texts: readonly string[]): Options {
  const values: Record<string, unknown> = {}
  const unknown = new Map<number, Uint8Array>()
  for (const written of texts) {
    const refused = (why: string, write: string) => new UsageError(`--option cannot be ${written}`, why, `write ${write}`)
    const at = written.indexOf('=')
    const [key, value] = [written.slice(0, Math.max(0, at)), written.slice(at + 1)]
    const code = codeOf(key)
    if (at < 1 || code === undefined) throw refused(`"${at < 1 ? written : key}" is no option`, 'CODE=VALUE, such as 42=192.0.2.7')
    if (NOT_TO_BE_SET.has(code)) throw refused(`the server sets option ${code} itself`, 'another option')
    if (value === '' || value.length > VALUE_LENGTH_MAX) throw refused(value === '' ? 'it has no value' : `its value has more than ${VALUE_LENGTH_MAX} characters`, 'CODE=VALUE')
    const known = byCode.get(code)
    const reader = known === undefined ? undefined : readers.get(known.codec)
    if (known === undefined || reader === undefined) {
      const bytes = parseBytes(value)
      if (bytes === undefined) throw refused(`"${value}" is neither bytes nor text`, 'an even number of hexadecimal digits behind 0x, or printable characters')
      if (known === undefined) unknown.set(code, bytes)
      else values[known.name] = bytes
      continue
    }
    const item = reader.read(value)
    if (item === undefined) throw refused(`"${value}" is not what option ${code} takes`, reader.write)
    if (TIMES.has(code) && item === 0) throw refused(`option ${code} is a time of at least 1 s`, 'more seconds')
    const before = values[known.name]
    if (before !== undefined && !reader.isList) throw refused(`option ${code} stands twice`, 'it once')
    if (Array.isArray(before) && before.length === VALUES_MAX) throw refused(`option ${code} has ${VALUES_MAX} values already`, 'fewer')
    values[known.name] = reader.isList ? [...(Array.isArray(before) ? before as unknown[] : []), item] : item // a list that this loop began
  }
  if (unknown.size > 0) values['unknown'] = unknown
  // Each value was read by the reader of the codec that stands beside its name in OPTIONS, which the compiler does not check here.
  return values
}

const byCode = new Map<number, { name: string } & KnownOption>(Object.entries(OPTIONS).map(([name, option]) => [option.code, { name, ...option }]))
const byName = new Map([...byCode.values()].map(({ name, code }) => [name.replace(/[A-Z]/g, capital => `-${capital.toLowerCase()}`), code]))

function codeOf(key: string): number | undefined {
  if (!/^\d{1,3}$/.test(key)) return byName.get(key)
  return Number(key) <= END ? Number(key) : undefined
}

function parseNumber(value: string, max: number): number | undefined {
  return /^\d{1,10}$/.test(value) && Number(value) <= max ? Number(value) : undefined
}

function parseDomain(value: string): string | undefined {
  const name = value.replace(/\.$/, '')
  return name.length <= 253 && /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/i.test(name) ? name : undefined
}

function parseRoute(value: string): Route | undefined {
  const [, network = '', bits = '', by = ''] = /^([\d.]+)\/(\d{1,2})=([\d.]+)$/.exec(value) ?? []
  const [destination, router] = [parseIpv4(network), parseIpv4(by)]
  return destination === undefined || router === undefined || Number(bits) > 32 ? undefined : { destination: subnetOf(destination, Number(bits)), router }
}

function parseBytes(value: string): Uint8Array | undefined {
  if (value.startsWith('0x')) return /^0x([0-9a-f]{2})+$/i.test(value) ? Uint8Array.from(value.slice(2).match(/../g) ?? [], pair => parseInt(pair, 16)) : undefined
  return /^[\x20-\x7e]+$/.test(value) ? text.encode(value) : undefined
}
