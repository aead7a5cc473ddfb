/**
 * Builds queries to other servers and matches replies to them. Besides the id, port and address, the case of the name's letters
 * helps to tell a genuine reply from a forged one: each letter is randomly upper or lower case, and a server echoes the name
 * as it came ("0x20", draft-vixie-dnsext-dns0x20). A name of 12 letters gives a forger 12 more bits to guess.
 *
 *     query   wWw.eXaMPLe.ORg        genuine reply   wWw.eXaMPLe.ORg
 */
import type { Random } from '../../../kit/random.ts'
import { optRecord, type EdnsOption } from '../../wire/edns.ts'
import { encodeMessage, type Message } from '../../wire/message.ts'
import { OPCODE_QUERY } from '../../wire/types.ts'
import { OPTION } from '../../wire/edns-options.ts'
import type { Wanted } from './finding.ts'

const HEADER_OCTETS = 12
/** Encrypted queries are padded to a multiple of this, so that their length reveals little (RFC 8467 §4.1). */
const PADDED_BLOCK_OCTETS = 128
const OPTION_HEADER_OCTETS = 4

export interface QueryOptions {
  readonly options?: readonly EdnsOption[]
  /** Pads the query to a multiple of 128 octets. */
  readonly padded?: boolean
  /** Omits EDNS, for a server that does not support it. */
  readonly withoutEdns?: boolean
}

/** A recursive query with EDNS (RFC 6891). AD asks for the AD bit in the response (RFC 6840 §5.7). */
export function queryFor({ name, type, class: qclass, dnssecOk = false, checkingDisabled = false }: Wanted, id: number, options: readonly EdnsOption[] = []): Message {
  return {
    header: { id, qr: false, opcode: OPCODE_QUERY, aa: false, tc: false, rd: true, ra: false, ad: true, cd: checkingDisabled, rcode: 0 },
    questions: [{ name, type, class: qclass }], answers: [], authorities: [],
    additionals: [optRecord({ rcode: 0, dnssecOk, options })],
  }
}

/** Encodes such a query. */
export function encodeQuery(wanted: Wanted, id: number, { options = [], padded = false, withoutEdns = false }: QueryOptions = {}): Uint8Array {
  if (withoutEdns) return encodeMessage({ ...queryFor(wanted, id), additionals: [] })
  const query = encodeMessage(queryFor(wanted, id, options))
  if (!padded) return query
  const missing = -(query.length + OPTION_HEADER_OCTETS) & (PADDED_BLOCK_OCTETS - 1)
  return encodeMessage(queryFor(wanted, id, [...options, { code: OPTION.PADDING, bytes: new Uint8Array(missing) }]))
}

/** The same query with the case of each letter in its name chosen at random. */
export function withRandomCase(query: Uint8Array, random: Random): Uint8Array {
  const scrambled = query.slice()
  let bits = 0
  let left = 0
  for (let at = HEADER_OCTETS; at < questionEnd(query) - 4; at++) {
    if (!isLetter(scrambled[at] ?? 0)) continue
    if (left === 0) {
      bits = random.uint32()
      left = 32
    }
    if ((bits & 1) !== 0) scrambled[at] = (scrambled[at] ?? 0) ^ 0x20
    bits >>>= 1
    left--
  }
  return scrambled
}

/**
 * How a received message relates to a query: a `reply` to it; a reply but for the name's case (`other case`); `bare`, an error
 * without a question, as some servers send when they could not parse the query; or something unrelated (`other`).
 */
export function judgeReply(query: Uint8Array, reply: Uint8Array): 'reply' | 'other case' | 'bare' | 'other' {
  const opcodeAndQr = 0xf8
  if (reply.length < HEADER_OCTETS || reply[0] !== query[0] || reply[1] !== query[1] || ((reply[2] ?? 0) & opcodeAndQr) !== 0x80) return 'other'
  if (reply[4] !== 0 || (reply[5] ?? 0) > 1) return 'other'
  if (reply[5] === 0) return ((reply[3] ?? 0) & 15) !== 0 ? 'bare' : 'other'
  const end = questionEnd(query)
  if (reply.length < end) return 'other'
  let sameCase = true
  for (let at = HEADER_OCTETS; at < end; at++) {
    const [asked = 0, said = 0] = [query[at], reply[at]]
    if (asked === said) continue
    if (at >= end - 4 || !isLetter(asked) || (asked ^ said) !== 0x20) return 'other'
    sameCase = false
  }
  return sameCase ? 'reply' : 'other case'
}

/**
 * A reply whose question has the case used in `query`, and with it
 * every name compressed to a pointer to it (RFC 1035 §4.1.4).
 */
export function withQuestionOf(query: Uint8Array, reply: Uint8Array): Uint8Array {
  const restored = new Uint8Array(reply)
  restored.set(query.subarray(HEADER_OCTETS, questionEnd(query)), HEADER_OCTETS)
  return restored
}

/** Where the question of one of our own queries ends; its name has no compression pointers. */
function questionEnd(query: Uint8Array): number {
  let at = HEADER_OCTETS
  for (let length = query[at] ?? 0; length !== 0; length = query[at] ?? 0) at += length + 1
  return at + 5
}

/** A label's length is at most 63 and a letter at least 65, so a length is never mistaken for a letter. */
function isLetter(octet: number): boolean {
  const small = octet | 0x20
  return small >= 0x61 && small <= 0x7a
}
