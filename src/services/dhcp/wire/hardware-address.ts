/** Ethernet addresses (RFC 2131: chaddr) as bytes and text. */

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** `02005e000001`; of any length, '' for none. */
export function formatHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX[byte] ?? ''
  return text
}

/** `02:00:5e:00:00:01`; of any length, '' for none. */
export function formatMac(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += text === '' ? HEX[byte] ?? '' : `:${HEX[byte] ?? ''}`
  return text
}

/** The six bytes of `02:00:5e:00:00:01`, or undefined where the text is something else. */
export function parseMac(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return undefined
  return Uint8Array.from(text.split(':'), pair => parseInt(pair, 16))
}
