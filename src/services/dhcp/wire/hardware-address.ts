/** Hardware addresses (`chaddr` in RFC 2131) as bytes and as text. */

const DIGITS = Array.from('0123456789abcdef', digit => digit.charCodeAt(0))
const COLON = 0x3a

/** `02005e000001`. Any length; '' for no bytes. */
export function formatHex(bytes: Uint8Array): string {
  return textOf(bytes, undefined)
}

/** `02:00:5e:00:00:01`. Any length; '' for no bytes. */
export function formatMac(bytes: Uint8Array): string {
  return textOf(bytes, COLON)
}

/**
 * Builds the string in one piece. Concatenating digits would make a tree of strings in memory, and every lease keeps
 * its own.
 */
function textOf(bytes: Uint8Array, separator: number | undefined): string {
  const characters: number[] = []
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (separator !== undefined && at > 0) characters.push(separator)
    characters.push(DIGITS[byte >>> 4] ?? 0, DIGITS[byte & 15] ?? 0)
  }
  return String.fromCharCode(...characters)
}

/** The six bytes of `02:00:5e:00:00:01`; undefined if the text is not such an address. */
export function parseMac(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return undefined
  return Uint8Array.from(text.split(':'), pair => parseInt(pair, 16))
}
