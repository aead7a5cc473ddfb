/**
 * DHCP options: RFC 2132. Each is a code, a length and that many bytes. Code 0 is padding; code 255 ends the options.
 * Neither has a length.
 *
 *     +------+--------+----------------+      +-----+      +-----+
 *     | code | length | value (length) |  …   |  0  |  …   | 255 |
 *     +------+--------+----------------+      +-----+      +-----+
 *
 * A value longer than 255 bytes is split over several options of the same code; the reader concatenates them (RFC
 * 3396). Option 52, Option Overload, says that the header fields `file` and `sname` carry options too (RFC 2132 §9.3).
 * They are read after the main options, `file` before `sname`. option-layout.ts does the writing.
 *
 * RFC 2132 does not say what to do with an option that extends past the end of its field. Here it ends the options of
 * that field and those before it count, as in dnsmasq and Kea. A client that sends such a message would send the same
 * again, and would otherwise never get an address.
 */
import { concat } from '../../kit/concat.ts'
import { MalformedPacket } from '../../kit/errors.ts'
import { clientFqdn, domainSearch } from './domain-names.ts'
import { AT } from './header.ts'
import { address, addresses, codes, opaque, presence, routes, text, uint16, uint32, uint8, type Codec } from './option-values.ts'

/** The options Hamlet understands, each with the RFC section that defines it. */
export const OPTIONS = {
  subnetMask: { code: 1, rule: 'RFC 2132 §3.3', codec: address },
  routers: { code: 3, rule: 'RFC 2132 §3.5', codec: addresses },
  dnsServers: { code: 6, rule: 'RFC 2132 §3.8', codec: addresses },
  hostName: { code: 12, rule: 'RFC 2132 §3.14', codec: text },
  domainName: { code: 15, rule: 'RFC 2132 §3.17', codec: text },
  interfaceMtu: { code: 26, rule: 'RFC 2132 §5.1', codec: uint16 },
  broadcastAddress: { code: 28, rule: 'RFC 2132 §5.3', codec: address },
  ntpServers: { code: 42, rule: 'RFC 2132 §8.3', codec: addresses },
  vendorSpecific: { code: 43, rule: 'RFC 2132 §8.4', codec: opaque },
  requestedAddress: { code: 50, rule: 'RFC 2132 §9.1', codec: address },
  leaseSeconds: { code: 51, rule: 'RFC 2132 §9.2', codec: uint32 },
  messageType: { code: 53, rule: 'RFC 2132 §9.6', codec: uint8 },
  serverIdentifier: { code: 54, rule: 'RFC 2132 §9.7', codec: address },
  parameterRequestList: { code: 55, rule: 'RFC 2132 §9.8', codec: codes },
  message: { code: 56, rule: 'RFC 2132 §9.9', codec: text },
  maxMessageBytes: { code: 57, rule: 'RFC 2132 §9.10', codec: uint16 },
  renewalSeconds: { code: 58, rule: 'RFC 2132 §9.11', codec: uint32 },
  rebindingSeconds: { code: 59, rule: 'RFC 2132 §9.12', codec: uint32 },
  vendorClass: { code: 60, rule: 'RFC 2132 §9.13', codec: text },
  clientIdentifier: { code: 61, rule: 'RFC 2132 §9.14', codec: opaque },
  tftpServerName: { code: 66, rule: 'RFC 2132 §9.4', codec: text },
  bootFileName: { code: 67, rule: 'RFC 2132 §9.5', codec: text },
  rapidCommit: { code: 80, rule: 'RFC 4039 §4', codec: presence },
  clientFqdn: { code: 81, rule: 'RFC 4702 §2', codec: clientFqdn },
  relayAgent: { code: 82, rule: 'RFC 3046 §2', codec: opaque },
  captivePortal: { code: 114, rule: 'RFC 8910 §2.1', codec: text },
  domainSearch: { code: 119, rule: 'RFC 3397 §2', codec: domainSearch },
  classlessRoutes: { code: 121, rule: 'RFC 3442', codec: routes },
  webProxyDiscovery: { code: 252, rule: 'draft-ietf-wrec-wpad-01 §4.4.1', codec: text },
} as const

export type OptionName = keyof typeof OPTIONS
type ValueOf<Name extends OptionName> = (typeof OPTIONS)[Name]['codec'] extends Codec<infer Value> ? Value : never

/** Decoded options. Those that are not in the table are kept as bytes, by code. */
export type Options = { readonly [Name in OptionName]?: ValueOf<Name> | undefined } & { readonly unknown?: ReadonlyMap<number, Uint8Array> | undefined }

export const PAD = 0
export const OVERLOAD = 52
export const END = 255
/** Bits of option 52, Option Overload. */
export const CARRIES_OPTIONS = { file: 1, sname: 2 } as const

/** An option as found in the message: the offset of its first part, and the value bytes of all its parts. */
interface FoundOption {
  readonly code: number
  readonly offset: number
  readonly parts: Uint8Array[]
}

/** An option that extends past the end of its field. */
interface TruncatedOption {
  readonly code: number
  readonly offset: number
}

const NOTHING = new Uint8Array(0)
/**
 * The options that an exchange depends on: what the message is, and which address, lease time and server it concerns.
 */
const NEEDED: ReadonlySet<number> = new Set([OPTIONS.requestedAddress, OPTIONS.leaseSeconds, OPTIONS.messageType, OPTIONS.serverIdentifier].map(({ code }) => code))
const CODES = 256
/**
 * The index of a code among the options found, plus one. Shared by all messages: decoding is synchronous and clears it
 * first.
 */
const places = new Uint8Array(CODES)
const byCode = Array.from({ length: CODES }, (_, code) => {
  const [name, option] = Object.entries(OPTIONS).find(([, option]) => option.code === code) ?? []
  return name === undefined || option === undefined ? undefined : { name, rule: option.rule, codec: option.codec }
})

/**
 * Decodes the options of a whole message, header included.
 * @returns the options, and whether `file` and `sname` carried options instead of text
 * @throws MalformedPacket if an option that the exchange depends on is truncated or ill-formed, or the options are
 *   truncated before the message type. Other bad values are left out: a server with an empty list of DNS servers can
 *   still lease addresses.
 */
export function decodeOptions(message: Uint8Array): { options: Options; fileOverloaded: boolean; snameOverloaded: boolean } {
  const found: FoundOption[] = []
  const truncated: TruncatedOption[] = []
  places.fill(0)
  gather(message, AT.options, message.length, found, truncated)
  const overload = overloadOf(found[(places[OVERLOAD] ?? 0) - 1])
  const fileOverloaded = (overload & CARRIES_OPTIONS.file) !== 0
  const snameOverloaded = (overload & CARRIES_OPTIONS.sname) !== 0
  if (fileOverloaded) gather(message, AT.file, AT.magic, found, truncated)
  if (snameOverloaded) gather(message, AT.sname, AT.file, found, truncated)
  requireNeeded(truncated)
  const values: Record<string, unknown> = {}
  let unknown: Map<number, Uint8Array> | undefined
  for (const { code, offset, parts } of found) {
    if (code === OVERLOAD || truncated.some(option => option.code === code)) continue
    const [first = NOTHING] = parts
    const bytes = parts.length === 1 ? first : concat(parts)
    const option = byCode[code]
    if (option === undefined) (unknown ??= new Map()).set(code, bytes.slice())
    else {
      const value = option.codec.decode(bytes)
      if (value !== undefined) values[option.name] = value
      else if (NEEDED.has(code)) throw new MalformedPacket(offset, option.rule, `option ${code} of ${bytes.length} bytes is not ${option.codec.shape}`)
    }
  }
  if (unknown !== undefined) values['unknown'] = unknown
  // Each value comes from the codec beside its name in OPTIONS; the compiler cannot check that here.
  return { options: values, fileOverloaded, snameOverloaded }
}

/** The encoded values, by option code. */
export function optionBytes(options: Options): Map<number, Uint8Array> {
  const values = new Map<number, Uint8Array>(options.unknown ?? [])
  for (const name in options) {
    if (name === 'unknown') continue
    const option = OPTIONS[name as OptionName] // the keys of Options are `unknown` and the keys of OPTIONS
    const value = options[name as OptionName] // as above
    // The value has the type of its codec; the compiler cannot follow that through the loop.
    if (value !== undefined) values.set(option.code, (option.codec as Codec<unknown>).encode(value))
  }
  return values
}

/** Collects the options from `from` up to END, up to `to`, or up to an option that extends past `to`. */
function gather(bytes: Uint8Array, from: number, to: number, found: FoundOption[], truncated: TruncatedOption[]): void {
  for (let at = from; at < to;) {
    const code = bytes[at] ?? END
    if (code === END) return
    if (code === PAD) {
      at++
      continue
    }
    const length = at + 1 < to ? bytes[at + 1] ?? 0 : Infinity
    if (at + 2 + length > to) {
      truncated.push({ code, offset: at })
      return
    }
    const part = bytes.subarray(at + 2, at + 2 + length)
    const earlier = found[(places[code] ?? 0) - 1]
    if (earlier === undefined) places[code] = found.push({ code, offset: at, parts: [part] })
    else earlier.parts.push(part)
    at += 2 + length
  }
}

/**
 * A message without its type would pass for BOOTP; one without its address or server identifier, for another kind of
 * REQUEST.
 */
function requireNeeded(truncated: readonly TruncatedOption[]): void {
  const missing = places[OPTIONS.messageType.code] === 0 ? truncated[0] : truncated.find(({ code }) => NEEDED.has(code))
  if (missing !== undefined) throw new MalformedPacket(missing.offset, 'RFC 2132 §2', `option ${missing.code} extends past the end of its field`)
}

function overloadOf(overload: FoundOption | undefined): number {
  if (overload === undefined) return 0
  const [value] = overload.parts
  if (overload.parts.length !== 1 || value?.length !== 1 || (value[0] ?? 0) < 1 || (value[0] ?? 0) > 3) {
    throw new MalformedPacket(overload.offset, 'RFC 2132 §9.3', 'option 52 is not 1, 2 or 3')
  }
  return value[0] ?? 0
}
