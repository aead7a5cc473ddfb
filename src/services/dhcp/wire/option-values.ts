/**
 * The encodings of DHCP option values, one codec per data type. `decode` returns undefined if the bytes are not of that
 * type; options.ts knows the option and its offset, and decides whether the message is malformed.
 */
import { concat } from '../../kit/concat.ts'
import { subnetOf, type Subnet } from '../../kit/ip-address.ts'
import { setUint32, uint16At, uint32At } from './big-endian.ts'

export interface Codec<Value> {
  /** The type in words, for error messages: "an address". */
  readonly shape: string
  decode(bytes: Uint8Array): Value | undefined
  encode(value: Value): Uint8Array
}

export const uint8: Codec<number> = { shape: 'a number of one byte', decode: bytes => bytes.length === 1 ? bytes[0] : undefined, encode: value => Uint8Array.of(value) }

export const uint16: Codec<number> = {
  shape: 'a number of two bytes',
  decode: bytes => bytes.length === 2 ? uint16At(bytes, 0) : undefined,
  encode: value => Uint8Array.of(value >>> 8, value),
}

export const uint32: Codec<number> = { shape: 'a number of four bytes', decode: bytes => bytes.length === 4 ? uint32At(bytes, 0) : undefined, encode: uint32Bytes }

export const address: Codec<number> = { ...uint32, shape: 'an address' }

export const addresses: Codec<readonly number[]> = {
  shape: 'a list of addresses',
  decode: bytes => bytes.length > 0 && bytes.length % 4 === 0 ? Array.from({ length: bytes.length / 4 }, (_, index) => uint32At(bytes, index * 4)) : undefined,
  encode: values => concat(values.map(uint32Bytes)),
}

export const codes: Codec<readonly number[]> = { shape: 'a list of option codes', decode: bytes => bytes.length > 0 ? numbersOf(bytes) : undefined, encode: values => Uint8Array.from(values) }

export const opaque: Codec<Uint8Array> = { shape: 'bytes', decode: bytes => bytes.slice(), encode: value => value }

/** An option whose presence is its value. */
export const presence: Codec<true> = { shape: 'empty', decode: bytes => bytes.length === 0 ? true : undefined, encode: () => new Uint8Array(0) }

/** One character per byte. Trailing NULs are not part of the text (RFC 2132 §2). */
export const text: Codec<string> = {
  shape: 'text',
  decode: bytes => latin1(bytes).replace(/\0+$/, ''),
  encode: value => Uint8Array.from(value, character => character.charCodeAt(0)),
}

/** A route to a network by another router than the default one. */
export interface Route {
  readonly destination: Subnet
  readonly router: number
}

/**
 * Classless static routes: RFC 3442. Only the significant octets of the destination are sent: as many as its prefix
 * extends into.
 *
 *     10.0.0.0/8 via 192.0.2.1   →   8, 10, 192, 0, 2, 1
 */
export const routes: Codec<readonly Route[]> = {
  shape: 'a list of routes',
  decode(bytes) {
    const found: Route[] = []
    for (let at = 0; at < bytes.length;) {
      const prefixBits = bytes[at] ?? 0
      const octets = Math.ceil(prefixBits / 8)
      const routerAt = at + 1 + octets
      if (prefixBits > 32 || routerAt + 4 > bytes.length) return undefined
      const network = new Uint8Array(4)
      network.set(bytes.subarray(at + 1, routerAt))
      found.push({ destination: subnetOf(uint32At(network, 0), prefixBits), router: uint32At(bytes, routerAt) })
      at = routerAt + 4
    }
    return found.length > 0 ? found : undefined
  },
  encode: values => concat(values.flatMap(({ destination: { network, prefixBits }, router }) =>
    [Uint8Array.of(prefixBits), uint32Bytes(network).subarray(0, Math.ceil(prefixBits / 8)), uint32Bytes(router)])),
}

/** One character per byte. */
export function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, byte => String.fromCharCode(byte)).join('')
}

/** Like `[...bytes]`, which costs a method call per byte. */
function numbersOf(bytes: Uint8Array): number[] {
  const numbers: number[] = []
  for (let at = 0; at < bytes.length; at++) numbers.push(bytes[at] ?? 0)
  return numbers
}

function uint32Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  setUint32(bytes, 0, value)
  return bytes
}
