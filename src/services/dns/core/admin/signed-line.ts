/**
 * Admin lines with a signature, which are taken from anywhere:
 *
 *     REGISTER my-app.home 192.168.1.50 HMAC laptop 1767225600 5f0c9e31 6f1e…
 *     └──────────── the line ─────────┘      │      │          │        │
 *                                            key    seconds    nonce    HMAC of all before it, in hex
 *                                                   since 1970
 *
 * What is signed is every octet before the blank that stands before the HMAC, with the key's own algorithm. The nonce makes two
 * lines of one second differ. No TSIG signature fits a line nor the other way round: what TSIG signs always holds a zero octet.
 */
import { UsageError } from '../../../kit/errors.ts'
import { formatHex } from '../../../kit/hex.ts'
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

/** True for a line that ends like a signed one. */
export function isSigned(line: string): boolean {
  return SIGNATURE.test(line)
}

/** The line with its signature. @param nonce 4 to 64 plain characters without a blank, different for each line */
export function signLine(line: string, key: TsigKey, nowSeconds: number, nonce: string, hmac: Hmac): string {
  const signed = `${line.trim()} HMAC ${key.name} ${Math.floor(nowSeconds)} ${nonce}`
  return `${signed} ${formatHex(hmac.digest(key, octetsOf(signed)))}`
}

/**
 * Checks the signature.
 * @param line one character an octet
 * @throws UsageError saying what is wrong with it
 */
export function verifyLine(line: string, keyOf: KeyOf, hmac: Hmac, nowSeconds: number): SignedLine {
  const [, signed = '', plain = '', keyName = '', seconds = '', , hex = ''] = SIGNATURE.exec(line) ?? []
  const key = keyOf(keyName)
  if (key === undefined) throw refused(`no key is called "${keyName}" here`, 'name a key of dns.keys')
  const mac = fromHex(hex)
  const expected = hmac.digest(key, octetsOf(signed))
  if (mac.length !== expected.length || !hmac.equal(mac, expected)) throw refused(`its signature is not true for the key "${keyName}"`, 'sign it with the secret that stands in dns.keys')
  const signedAtSeconds = Number(seconds)
  if (Math.abs(nowSeconds - signedAtSeconds) > FUDGE_SECONDS) throw refused(`it was signed at ${signedAtSeconds}, and here it is ${Math.floor(nowSeconds)}`, 'set both clocks')
  return { line: plain, keyName: nameKey(keyName), signedAtSeconds, mac }
}

function refused(why: string, remedy: string): UsageError {
  return new UsageError('The signed line was not taken', why, remedy)
}

function octetsOf(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0))
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], pair => parseInt(pair, 16))
}
