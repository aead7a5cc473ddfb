/**
 * Verifies the signature of a request, and signs its response (RFC 8945 §5). Both sides share a key. Each message carries an
 * HMAC made with that key, over
 *
 *     a request         message ‖ its TSIG fields
 *     its response      length and MAC of the request ‖ message ‖ TSIG fields
 *     further messages  length and MAC of the previous message ‖ message ‖ time and fudge     (transfers, §5.3.1)
 *
 * so a response fits exactly one request, and no message of a transfer can be omitted or reordered.
 */
import { concat } from '../../../kit/concat.ts'
import { MalformedPacket } from '../../../kit/errors.ts'
import type { Message } from '../../wire/message.ts'
import { nameKey } from '../../wire/name.ts'
import { encodePriorMac, encodeSeconds, encodeTimers, encodeTsig, encodeVariables, tsigOf, withoutTsig, withTsig, type Tsig } from '../../wire/tsig.ts'
import { RCODE } from '../../wire/types.ts'

/**
 * The length of each MAC in octets (RFC 8945 §6). SHA-1 is accepted for peers without anything newer; Hamlet generates no
 * such key.
 */
const MAC_BYTES = { 'hmac-sha256': 32, 'hmac-sha384': 48, 'hmac-sha512': 64, 'hmac-sha1': 20 } as const

export type TsigAlgorithm = keyof typeof MAC_BYTES
/** The supported algorithms, the recommended one first. The assertion holds because the object is a literal. */
export const TSIG_ALGORITHMS = Object.keys(MAC_BYTES) as readonly TsigAlgorithm[]

export interface TsigKey {
  /** A domain name that both sides agree on. */
  readonly name: string
  readonly algorithm: TsigAlgorithm
  readonly secret: Uint8Array
}

/** Looks up a key among the current ones. */
export type KeyOf = (name: string) => TsigKey | undefined

/** Cryptography is passed in, because pure modules must not import it. */
export interface Hmac {
  digest(key: TsigKey, octets: Uint8Array): Uint8Array
  /** Constant-time comparison of two arrays of the same length. */
  equal(one: Uint8Array, other: Uint8Array): boolean
}

/** The largest permitted clock difference, even if a request asks for more (RFC 8945 §10). */
export const FUDGE_SECONDS = 300

/** A request that has a signature, valid or not. */
export interface SignedRequest {
  readonly keyName: string
  /** The TSIG error; 0 if the signature is valid. The only response to an invalid one is NOTAUTH. */
  readonly error: number
  readonly signedAtSeconds: number
  /** Unique to each request. */
  readonly mac: Uint8Array
  readonly signature: ResponseSignature
}

/**
 * Verifies the signature of a request.
 * @param bytes the request as received
 * @param nowSeconds the time of day, in seconds since 1970
 * @returns undefined if the request is not signed
 * @throws MalformedPacket for a malformed signature (FORMERR)
 */
export function verifyRequest(bytes: Uint8Array, message: Message, keyOf: KeyOf, hmac: Hmac, nowSeconds: number): SignedRequest | undefined {
  const tsig = tsigOf(message)
  if (tsig === undefined) return undefined
  const key = keyOf(tsig.keyName)
  const verdict = (error: number, responseKey: TsigKey | undefined): SignedRequest =>
    ({ keyName: nameKey(tsig.keyName), error, signedAtSeconds: tsig.timeSignedSeconds, mac: tsig.mac, signature: new ResponseSignature(tsig, error, responseKey, hmac) })

  if (key === undefined || nameKey(tsig.algorithm) !== key.algorithm) return verdict(RCODE.BADKEY, undefined)
  const full = MAC_BYTES[key.algorithm]
  // A MAC may be truncated to half its length, which is at least ten octets for each algorithm; here truncated MACs are refused.
  if (tsig.mac.length > full || tsig.mac.length < full / 2) {
    throw new MalformedPacket(0, 'RFC 8945 §5.2.2.1', `a MAC has ${tsig.mac.length} octets, but ${key.algorithm} produces ${full}`)
  }
  const expected = hmac.digest(key, concat([withoutTsig(bytes, tsig), encodeVariables(tsig)]))
  if (!hmac.equal(expected.subarray(0, tsig.mac.length), tsig.mac)) return verdict(RCODE.BADSIG, undefined)
  if (Math.abs(nowSeconds - tsig.timeSignedSeconds) > Math.min(tsig.fudgeSeconds, FUDGE_SECONDS)) return verdict(RCODE.BADTIME, key)
  return verdict(tsig.mac.length < full ? RCODE.BADTRUNC : RCODE.NOERROR, key)
}

/** Signs the response to one request, which may consist of many messages. */
export class ResponseSignature {
  /** The octets that the signature adds to each message. */
  readonly octets: number
  #priorMac: Uint8Array
  #first = true
  readonly #request: Tsig
  readonly #error: number
  readonly #key: TsigKey | undefined
  readonly #hmac: Hmac

  /**
   * @param key undefined if the key or MAC of the request was wrong: then the response carries the error but no MAC
   * (RFC 8945 §5.3.2)
   */
  constructor(request: Tsig, error: number, key: TsigKey | undefined, hmac: Hmac) {
    this.#request = request
    this.#error = error
    this.#key = key
    this.#hmac = hmac
    this.#priorMac = request.mac
    this.octets = encodeTsig(this.#record(0, 0, new Uint8Array(key === undefined ? 0 : MAC_BYTES[key.algorithm]))).length
  }

  /** Signs the next message of the response. */
  sign(bytes: Uint8Array, nowSeconds: number): Uint8Array {
    const id = (bytes[0] ?? 0) * 0x100 + (bytes[1] ?? 0)
    const unsigned = this.#record(id, nowSeconds, new Uint8Array(0))
    if (this.#key === undefined) return withTsig(bytes, unsigned)
    const fields = this.#first ? encodeVariables(unsigned) : encodeTimers(unsigned)
    const mac = this.#hmac.digest(this.#key, concat([encodePriorMac(this.#priorMac), bytes, fields]))
    this.#priorMac = mac
    this.#first = false
    return withTsig(bytes, { ...unsigned, mac })
  }

  /**
   * BADTIME repeats the client's time and fudge, so that the client can verify the response, and adds the server's time
   * (RFC 8945 §5.2.3).
   */
  #record(originalId: number, nowSeconds: number, mac: Uint8Array): Tsig {
    const badTime = this.#error === RCODE.BADTIME
    return {
      keyName: this.#request.keyName, algorithm: this.#request.algorithm,
      timeSignedSeconds: badTime ? this.#request.timeSignedSeconds : nowSeconds, fudgeSeconds: badTime ? this.#request.fudgeSeconds : FUDGE_SECONDS,
      mac, originalId, error: this.#error, otherData: badTime ? encodeSeconds(nowSeconds) : new Uint8Array(0),
    }
  }
}
