/**
 * DHCP options: RFC 2132. Each is a code, a length and that many bytes; 0 pads, 255 ends.
 *
 *     +------+--------+----------------+      +-----+      +-----+
 *     | code | length | value (length) |  …   |  0  |  …   | 255 |
 *     +------+--------+----------------+      +-----+      +-----+
 *
 * A value beyond 255 bytes stands in several options of the same code, which are joined (RFC 3396). Option 52 says that
 * the fields `file` and `sname` carry options too (RFC 2132 §9.3); they are read after the main ones, in that order.
 */
import { MalformedPacket } from '../../kit/errors.ts'
import { AT } from './header.ts'

/** How a value stands in bytes. `fits` says which lengths are right, in words. */
interface Codec<Value> {
  readonly fits: (length: number) => boolean
  readonly needed: string
  decode(bytes: Uint8Array): Value
  encode(value: Value): Uint8Array
}

const uint8: Codec<number> = { fits: length => length === 1, needed: '1', decode: bytes => bytes[0] ?? 0, encode: value => Uint8Array.of(value) }
const uint16: Codec<number> = { fits: length => length === 2, needed: '2', decode: bytes => ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0), encode: value => Uint8Array.of(value >>> 8, value) }
const uint32: Codec<number> = { fits: length => length === 4, needed: '4', decode: bytes => uint32At(bytes, 0), encode: uint32Bytes }
const address = uint32
const addresses: Codec<readonly number[]> = {
  fits: length => length > 0 && length % 4 === 0,
  needed: 'a multiple of 4',
  decode: bytes => Array.from({ length: bytes.length / 4 }, (_, index) => uint32At(bytes, index * 4)),
  encode: values => joined(values.map(uint32Bytes)),
}
const codes: Codec<readonly number[]> = { fits: length => length > 0, needed: 'at least 1', decode: bytes => [...bytes], encode: values => Uint8Array.from(values) }
const opaque: Codec<Uint8Array> = { fits: () => true, needed: 'any', decode: bytes => bytes.slice(), encode: value => value }
/** One character a byte; NULs at the end are no part of the text (RFC 2132 §2). */
const text: Codec<string> = {
  fits: () => true,
  needed: 'any',
  decode: bytes => Array.from(bytes, byte => String.fromCharCode(byte)).join('').replace(/\0+$/, ''),
  encode: value => Uint8Array.from(value, character => character.charCodeAt(0)),
}

/** What Hamlet understands, with the section of RFC 2132. */
export const OPTIONS = {
  subnetMask: { code: 1, section: '3.3', codec: address },
  routers: { code: 3, section: '3.5', codec: addresses },
  dnsServers: { code: 6, section: '3.8', codec: addresses },
  hostName: { code: 12, section: '3.14', codec: text },
  domainName: { code: 15, section: '3.17', codec: text },
  broadcastAddress: { code: 28, section: '5.3', codec: address },
  vendorSpecific: { code: 43, section: '8.4', codec: opaque },
  requestedAddress: { code: 50, section: '9.1', codec: address },
  leaseSeconds: { code: 51, section: '9.2', codec: uint32 },
  messageType: { code: 53, section: '9.6', codec: uint8 },
  serverIdentifier: { code: 54, section: '9.7', codec: address },
  parameterRequestList: { code: 55, section: '9.8', codec: codes },
  message: { code: 56, section: '9.9', codec: text },
  maxMessageBytes: { code: 57, section: '9.10', codec: uint16 },
  renewalSeconds: { code: 58, section: '9.11', codec: uint32 },
  rebindingSeconds: { code: 59, section: '9.12', codec: uint32 },
  vendorClass: { code: 60, section: '9.13', codec: text },
  clientIdentifier: { code: 61, section: '9.14', codec: opaque },
} as const

type OptionName = keyof typeof OPTIONS
type ValueOf<Name extends OptionName> = (typeof OPTIONS)[Name]['codec'] extends Codec<infer Value> ? Value : never

/** What a message says. Options that are not in the table are kept as bytes. */
export type Options = { readonly [Name in OptionName]?: ValueOf<Name> | undefined } & { readonly unknown?: ReadonlyMap<number, Uint8Array> | undefined }

const PAD = 0
const OVERLOAD = 52
const END = 255
const FILE_CARRIES_OPTIONS = 1
const SNAME_CARRIES_OPTIONS = 2
const VALUE_BYTES_MAX = 255

/** A value as it was found: its parts, and where the first of them stands. */
interface Found {
  readonly offset: number
  readonly parts: Uint8Array[]
}

const byCode = new Map<number, { name: string } & (typeof OPTIONS)[OptionName]>(Object.entries(OPTIONS).map(([name, option]) => [option.code, { name, ...option }]))

/**
 * The options of a whole message (header included).
 * @returns what they say, and which of the fields `file` and `sname` carried options instead of text
 * @throws MalformedPacket: an option reaches over the end of its field, or its length does not fit its meaning
 */
export function decodeOptions(message: Uint8Array): { options: Options; fileOverloaded: boolean; snameOverloaded: boolean } {
  const found = new Map<number, Found>()
  gather(message, AT.options, message.length, found)
  const overload = overloadOf(found)
  const fileOverloaded = (overload & FILE_CARRIES_OPTIONS) !== 0
  const snameOverloaded = (overload & SNAME_CARRIES_OPTIONS) !== 0
  if (fileOverloaded) gather(message, AT.file, AT.magic, found)
  if (snameOverloaded) gather(message, AT.sname, AT.file, found)
  const values: Record<string, unknown> = {}
  const unknown = new Map<number, Uint8Array>()
  for (const [code, { offset, parts }] of found) {
    if (code === OVERLOAD) continue
    const bytes = joined(parts)
    const option = byCode.get(code)
    if (option === undefined) unknown.set(code, bytes)
    else {
      if (!option.codec.fits(bytes.length)) throw new MalformedPacket(offset, `RFC 2132 §${option.section}`, `option ${code} has ${bytes.length} bytes, ${option.codec.needed} needed`)
      values[option.name] = option.codec.decode(bytes)
    }
  }
  if (unknown.size > 0) values['unknown'] = unknown
  // Each value was made by the codec that stands beside its name in OPTIONS, which the compiler does not check here.
  return { options: values, fileOverloaded, snameOverloaded }
}

/**
 * Options as bytes, the END at last. The message type comes first, then the codes of `order` (a client's parameter request
 * list, RFC 2131 §4.3.1), then the rest by number.
 */
export function encodeOptions(options: Options, order: readonly number[] = []): Uint8Array {
  const values = new Map<number, Uint8Array>(options.unknown ?? [])
  for (const [name, { code, codec }] of Object.entries(OPTIONS)) {
    const value = options[name as OptionName] // the keys of OPTIONS are its names
    // The value has the type of the codec beside its name, which the compiler cannot follow through the loop.
    if (value !== undefined) values.set(code, (codec as Codec<unknown>).encode(value))
  }
  const rest = [...values.keys()].sort((one, other) => one - other)
  const inOrder = new Set([OPTIONS.messageType.code, ...order, ...rest])
  return joined([...[...inOrder].flatMap(code => pieces(code, values.get(code))), Uint8Array.of(END)])
}

/** Codes, lengths and values from `from` up to END or `to`. */
function gather(bytes: Uint8Array, from: number, to: number, found: Map<number, Found>): void {
  for (let at = from; at < to;) {
    const code = bytes[at] ?? END
    if (code === END) return
    if (code === PAD) {
      at++
      continue
    }
    const length = at + 1 < to ? bytes[at + 1] ?? 0 : Infinity
    if (at + 2 + length > to) throw new MalformedPacket(at, 'RFC 2132 §2', `option ${code} reaches over the end of its field`)
    const part = bytes.subarray(at + 2, at + 2 + length)
    const earlier = found.get(code)
    if (earlier === undefined) found.set(code, { offset: at, parts: [part] })
    else earlier.parts.push(part)
    at += 2 + length
  }
}

function overloadOf(found: ReadonlyMap<number, Found>): number {
  const overload = found.get(OVERLOAD)
  if (overload === undefined) return 0
  const [value] = overload.parts
  if (overload.parts.length !== 1 || value?.length !== 1 || (value[0] ?? 0) < 1 || (value[0] ?? 0) > 3) {
    throw new MalformedPacket(overload.offset, 'RFC 2132 §9.3', 'option 52 is neither 1, 2 nor 3')
  }
  return value[0] ?? 0
}

function pieces(code: number, value: Uint8Array | undefined): Uint8Array[] {
  if (value === undefined) return []
  const out: Uint8Array[] = []
  let from = 0
  do {
    const part = value.subarray(from, from + VALUE_BYTES_MAX)
    out.push(Uint8Array.of(code, part.length), part)
    from += VALUE_BYTES_MAX
  } while (from < value.length)
  return out
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

function uint32At(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
}

function uint32Bytes(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
}
