/**
 * Who signed a request, and how its answer is signed (RFC 8945 §5). Both sides hold a key; a message carries an HMAC made with
 * it, over
 *
 *     a request         message ‖ its TSIG fields
 *     its answer        length and MAC of the request ‖ message ‖ TSIG fields
 *     further messages  length and MAC of the message before ‖ message ‖ time and fudge       (transfers, §5.3.1)
 *
 * so an answer fits one request only, and no message of a transfer can be left out or put elsewhere.
 */
import { concat } from '../../../kit/concat.ts'
import { MalformedPacket } from '../../../kit/errors.ts'
import type { Message } from '../../wire/message.ts'
import { nameKey } from '../../wire/name.ts'
import { encodePriorMac, encodeSeconds, encodeTimers, encodeTsig, encodeVariables, tsigOf, withoutTsig, withTsig, type Tsig } from '../../wire/tsig.ts'
import { RCODE } from '../../wire/types.ts'

/** Octets of each MAC (RFC 8945 §6). SHA-1 is taken from peers that have nothing newer; Hamlet makes no such key. */
const MAC_BYTES = { 'hmac-sha256': 32, 'hmac-sha384': 48, 'hmac-sha512': 64, 'hmac-sha1': 20 } as const

export type TsigAlgorithm = keyof typeof MAC_BYTES
/** The algorithms, the recommended one first. */
// Object.keys of a literal are its keys.
export const TSIG_ALGORITHMS = Object.keys(MAC_BYTES) as readonly TsigAlgorithm[]

export interface TsigKey {
  /** A domain name, which both sides spell the same. */
  readonly name: string
  readonly algorithm: TsigAlgorithm
  readonly secret: Uint8Array
}

/** The key of that name, as it is now. */
export type KeyOf = (name: string) => TsigKey | undefined

/** Cryptography as an argument: pure rooms have none. */
export interface Hmac {
  digest(key: TsigKey, octets: Uint8Array): Uint8Array
  /** For two of the same length; takes the same time wherever they differ. */
  equal(one: Uint8Array, other: Uint8Array): boolean
}

/** By how much clocks may differ, whatever a request would like (RFC 8945 §10). */
export const FUDGE_SECONDS = 300

/** A request that came with a signature. */
export interface SignedRequest {
  readonly keyName: string
  /** What is wrong with the signature; 0: nothing. The answer to a wrong one is NOTAUTH and nothing else. */
  readonly error: number
  readonly signedAtSeconds: number
  /** No two requests have the same. */
  readonly mac: Uint8Array
  readonly signature: ResponseSignature
}

/**
 * Checks the signature of a request.
 * @param bytes the request as it came
 * @param nowSeconds the time of day, in seconds since 1970
 * @returns undefined where it has none
 * @throws MalformedPacket for a signature that breaks the format (FORMERR)
 */
export function verifyRequest(bytes: Uint8Array, message: Message, keyOf: KeyOf, hmac: Hmac, nowSeconds: number): SignedRequest | undefined {
  const tsig = tsigOf(message)
  if (tsig === undefined) return undefined
  const key = keyOf(tsig.keyName)
  const judged = (error: number, signsWith: TsigKey | undefined): SignedRequest =>
    ({ keyName: nameKey(tsig.keyName), error, signedAtSeconds: tsig.timeSignedSeconds, mac: tsig.mac, signature: new ResponseSignature(tsig, error, signsWith, hmac) })

  if (key === undefined || nameKey(tsig.algorithm) !== key.algorithm) return judged(RCODE.BADKEY, undefined)
  const full = MAC_BYTES[key.algorithm]
  // A MAC may be cut to half, which is ten octets or more of each algorithm; no cut one is taken here.
  if (tsig.mac.length > full || tsig.mac.length < full / 2) {
    throw new MalformedPacket(0, 'RFC 8945 §5.2.2.1', `a MAC of ${tsig.mac.length} octets, where ${key.algorithm} makes ${full}`)
  }
  const expected = hmac.digest(key, concat([withoutTsig(bytes, tsig), encodeVariables(tsig)]))
  if (!hmac.equal(expected.subarray(0, tsig.mac.length), tsig.mac)) return judged(RCODE.BADSIG, undefined)
  if (Math.abs(nowSeconds - tsig.timeSignedSeconds) > Math.min(tsig.fudgeSeconds, FUDGE_SECONDS)) return judged(RCODE.BADTIME, key)
  return judged(tsig.mac.length < full ? RCODE.BADTRUNC : RCODE.NOERROR, key)
}

/** Signs the answer to one request, which may be many messages. */
export class ResponseSignature {
  /** How many octets each message grows. */
  readonly octets: number
  #priorMac: Uint8Array
  #first = true
  readonly #request: Tsig
  readonly #error: number
  readonly #key: TsigKey | undefined
  readonly #hmac: Hmac

  /** @param key undefined: the request's key or MAC was wrong, so its answer tells the error and has no MAC (RFC 8945 §5.3.2) */
  constructor(request: Tsig, error: number, key: TsigKey | undefined, hmac: Hmac) {
    this.#request = request
    this.#error = error
    this.#key = key
    this.#hmac = hmac
    this.#priorMac = request.mac
    this.octets = encodeTsig(this.#record(0, 0, new Uint8Array(key === undefined ? 0 : MAC_BYTES[key.algorithm]))).length
  }

  /** The next message of the answer with its signature. */
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

  /** BADTIME repeats the client's time and fudge, so that the client can check the answer, and tells ours beside (RFC 8945 §5.2.3). */
  #record(originalId: number, nowSeconds: number, mac: Uint8Array): Tsig {
    const badTime = this.#error === RCODE.BADTIME
    return {
      keyName: this.#request.keyName, algorithm: this.#request.algorithm,
      timeSignedSeconds: badTime ? this.#request.timeSignedSeconds : nowSeconds, fudgeSeconds: badTime ? this.#request.fudgeSeconds : FUDGE_SECONDS,
      mac, originalId, error: this.#error, otherData: badTime ? encodeSeconds(nowSeconds) : new Uint8Array(0),
    }
  }
}
