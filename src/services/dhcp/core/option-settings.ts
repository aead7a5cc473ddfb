/**
 * Parses the DHCP options a user sets, as `CODE=VALUE` or `NAME=VALUE`. The names are those of wire/options.ts in kebab
 * case:
 *
 *     42=192.0.2.7, ntp-servers=192.0.2.8           a list: each setting adds one value
 *     domain-search=lab.example.org                 a list
 *     classless-routes=10.0.0.0/8=192.0.2.9         a list: destination, then router
 *     interface-mtu=1400                            a number
 *     captive-portal=https://portal.example.org/    text
 *     224=0x0a0b, 224=text                          an option unknown to Hamlet: bytes in hexadecimal, or characters
 */
import { UsageError } from '../../kit/errors.ts'
import { parseIpv4, subnetOf } from '../../kit/ip-address.ts'
import { domainSearch } from '../wire/domain-names.ts'
import { address, addresses, routes, text, uint16, uint32, uint8, type Codec, type Route } from '../wire/option-values.ts'
import { END, OPTIONS, PAD, type Options } from '../wire/options.ts'

type KnownOption = (typeof OPTIONS)[keyof typeof OPTIONS]

/** Options that the server sets itself in each message, or that `--lease` sets. */
const SET_BY_SERVER = new Set<number>([PAD, END, 52, ...[
  OPTIONS.requestedAddress, OPTIONS.leaseSeconds, OPTIONS.messageType, OPTIONS.serverIdentifier, OPTIONS.parameterRequestList, OPTIONS.message, OPTIONS.maxMessageBytes,
  OPTIONS.clientIdentifier, OPTIONS.rapidCommit, OPTIONS.clientFqdn, OPTIONS.relayAgent,
].map(({ code }) => code)])
const TIMES: ReadonlySet<number> = new Set([OPTIONS.renewalSeconds.code, OPTIONS.rebindingSeconds.code])
const VALUES_MAX = 128
const VALUE_LENGTH_MAX = 1024

/** How to parse a value, or one item of a list, for each codec. */
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
 * Parses all option settings.
 * @throws UsageError that names the first invalid setting, and why
 */
export function parseOptionSettings(texts: readonly string[]): Options {
  const values: Record<string, unknown> = {}
  const unknown = new Map<number, Uint8Array>()
  for (const written of texts) {
    const refused = (why: string, write: string) => new UsageError(`--option cannot be ${written}`, why, `write ${write}`)
    const at = written.indexOf('=')
    const [key, value] = [written.slice(0, Math.max(0, at)), written.slice(at + 1)]
    const code = codeOf(key)
    if (at < 1 || code === undefined) throw refused(`"${at < 1 ? written : key}" is not an option`, 'CODE=VALUE, such as 42=192.0.2.7')
    if (SET_BY_SERVER.has(code)) throw refused(`the server sets option ${code} itself`, 'another option')
    if (value === '' || value.length > VALUE_LENGTH_MAX) throw refused(value === '' ? 'it has no value' : `its value has more than ${VALUE_LENGTH_MAX} characters`, 'CODE=VALUE')
    const known = byCode.get(code)
    const reader = known === undefined ? undefined : readers.get(known.codec)
    if (known === undefined || reader === undefined) {
      const bytes = parseBytes(value)
      if (bytes === undefined) throw refused(`"${value}" is neither bytes nor text`, '0x and an even number of hexadecimal digits, or printable characters')
      if (known === undefined) unknown.set(code, bytes)
      else values[known.name] = bytes
      continue
    }
    const item = reader.read(value)
    if (item === undefined) throw refused(`"${value}" is not valid for option ${code}`, reader.write)
    if (TIMES.has(code) && item === 0) throw refused(`option ${code} must be at least 1 s`, 'more seconds')
    const before = values[known.name]
    if (before !== undefined && !reader.isList) throw refused(`option ${code} is set twice`, 'it once')
    if (Array.isArray(before) && before.length === VALUES_MAX) throw refused(`option ${code} already has ${VALUES_MAX} values`, 'fewer')
    values[known.name] = reader.isList ? [...(Array.isArray(before) ? before as unknown[] : []), item] : item // a list that this loop began
  }
  if (unknown.size > 0) values['unknown'] = unknown
  // Each value was parsed by the reader for the codec beside its name in OPTIONS; the compiler cannot check that here.
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
