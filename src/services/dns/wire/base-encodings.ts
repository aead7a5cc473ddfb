/**
 * Octets as digits: base 16, base 32 with the extended hex alphabet (unpadded, as in NSEC3) and base 64 (RFC 4648 §4, §7, §8).
 * A digit holds 4, 5 or 6 bits. The octets are a stream of bits, most significant first; zeros fill up the last digit.
 */

interface Base {
  readonly digits: string
  readonly bits: 4 | 5 | 6
}

const HEX: Base = { digits: '0123456789abcdef', bits: 4 }
const BASE32HEX: Base = { digits: '0123456789abcdefghijklmnopqrstuv', bits: 5 }
const BASE64: Base = { digits: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', bits: 6 }

export function formatHex(octets: Uint8Array): string {
  return format(octets, HEX)
}

/** @returns undefined for anything but an even number of hex digits, in either case */
export function parseHex(text: string): Uint8Array | undefined {
  return parse(text.toLowerCase(), HEX)
}

export function formatBase32Hex(octets: Uint8Array): string {
  return format(octets, BASE32HEX)
}

/** @returns undefined for digits other than 0–9 and A–V in either case, or leftover bits */
export function parseBase32Hex(text: string): Uint8Array | undefined {
  return parse(text.toLowerCase(), BASE32HEX)
}

export function formatBase64(octets: Uint8Array): string {
  const text = format(octets, BASE64)
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}

/** @returns undefined if a digit or the padding is invalid */
export function parseBase64(text: string): Uint8Array | undefined {
  return text.length % 4 === 0 ? parse(text.replace(/={1,2}$/, ''), BASE64) : undefined
}

function format(octets: Uint8Array, { digits, bits }: Base): string {
  let text = ''
  let held = 0
  let heldBits = 0
  for (const octet of octets) {
    held = (held << 8) | octet
    for (heldBits += 8; heldBits >= bits; heldBits -= bits) text += digits.charAt((held >>> (heldBits - bits)) & (2 ** bits - 1))
    held &= 2 ** heldBits - 1
  }
  return heldBits === 0 ? text : text + digits.charAt(held << (bits - heldBits))
}

/**
 * @returns undefined for an invalid digit, a superfluous digit, or padding bits that are not zero, so that octets have
 * only one text
 */
function parse(text: string, { digits, bits }: Base): Uint8Array | undefined {
  const octets = new Uint8Array(Math.floor(text.length * bits / 8))
  let length = 0
  let held = 0
  let heldBits = 0
  for (const character of text) {
    const digit = digits.indexOf(character)
    if (digit < 0) return undefined
    held = (held << bits) | digit
    heldBits += bits
    if (heldBits < 8) continue
    heldBits -= 8
    octets[length++] = held >>> heldBits
    held &= 2 ** heldBits - 1
  }
  return heldBits < bits && held === 0 ? octets : undefined
}
