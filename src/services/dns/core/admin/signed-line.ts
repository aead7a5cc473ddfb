/**
 * Signed admin lines, which are accepted from anywhere:
 *
 *     REGISTER my-app.home 192.168.1.50 HMAC laptop 1767225600 5f0c9e31 6f1e…
 *     └──────────── the line ─────────┘      │      │          │        │
 *                                            key    seconds    nonce    HMAC of all before it, in hex
 *                                                   since 1970
 *
 * The HMAC covers every octet up to, but not including, the space before it, and uses the key's algorithm. The nonce
 * distinguishes equal lines of the same second. A TSIG signature never fits a line, or the reverse, because the octets that
 * TSIG signs always include a zero.
 */
import { UsageError } from '../../../kit/errors.ts'
import { formatHex, parseHex } from '../../wire/base-encodings.ts'
import { nameKey } from '../../wire/name.ts'
import { FUDGE_SECONDS, type Hmac, type KeyOf, type TsigKey } from './tsig.ts'

export interface SignedLine {
  /** Without the signature. */
  readonly line: string
  readonly keyName: string
  readonly signedAtSeconds: number
  readonly mac: Uint8Array
}

const SIGNATURE = /^((.*?) HMAC (\S{1,255}) (\d{1,12}) ([\x21-\x7e]{4,64})) ((?:[0-9a-f]{2}){20,64})\s*$/

/** True for a line that ends in a signature, valid or not. */
export function isSigned(line: string): boolean {
  return SIGNATURE.test(line)
}

/**
 * The line with its signature.
 * @param nonce 4 to 64 printable ASCII characters without spaces, different for each line
 */
export function signLine(line: string, key: TsigKey, nowSeconds: number, nonce: string, hmac: Hmac): string {
  const signed = `${line.trim()} HMAC ${key.name} ${Math.floor(nowSeconds)} ${nonce}`
  return `${signed} ${formatHex(hmac.digest(key, octetsOf(signed)))}`
}

/**
 * Verifies the signature.
 * @param line one character per octet
 * @throws UsageError saying what is wrong with it
 */
export function verifyLine(line: string, keyOf: KeyOf, hmac: Hmac, nowSeconds: number): SignedLine {
  const [, signed = '', plain = '', keyName = '', seconds = '', , hex = ''] = SIGNATURE.exec(line) ?? []
  const key = keyOf(keyName)
  if (key === undefined) throw refused(`there is no key "${keyName}"`, 'name a key of dns.keys')
  const mac = parseHex(hex) ?? new Uint8Array(0)
  const expected = hmac.digest(key, octetsOf(signed))
  if (mac.length !== expected.length || !hmac.equal(mac, expected)) throw refused(`its signature does not match the key "${keyName}"`, 'sign it with the secret from dns.keys')
  const signedAtSeconds = Number(seconds)
  if (Math.abs(nowSeconds - signedAtSeconds) > FUDGE_SECONDS) throw refused(`it was signed at ${signedAtSeconds}, but the time here is ${Math.floor(nowSeconds)}`, 'set both clocks')
  return { line: plain, keyName: nameKey(keyName), signedAtSeconds, mac }
}

function refused(why: string, remedy: string): UsageError {
  return new UsageError('The signed line was rejected', why, remedy)
}

function octetsOf(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0))
}
