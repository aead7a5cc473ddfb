/**
 * A query of ours to another server, and whether what comes back answers it. Beside id, port and address the letters of the
 * name can tell a true reply from a forged one: they are drawn at random, capital or small, and a server repeats them as they
 * are ("0x20", draft-vixie-dnsext-dns0x20). A name of 12 letters adds 12 bits to guess.
 *
 *     we ask   wWw.eXaMPLe.ORg        a true reply repeats   wWw.eXaMPLe.ORg
 */
import type { Random } from '../../../kit/random.ts'
import { optRecord, type EdnsOption } from '../../wire/edns.ts'
import { encodeMessage, type Message } from '../../wire/message.ts'
import { OPCODE_QUERY } from '../../wire/types.ts'
import { OPTION } from '../../wire/edns-options.ts'
import type { Wanted } from './finding.ts'

const HEADER_OCTETS = 12
/** Encrypted queries are as long as a multiple of this, so that their length tells nothing (RFC 8467 §4.1). */
const PADDED_BLOCK_OCTETS = 128
const OPTION_HEADER_OCTETS = 4

export interface QueryOptions {
  readonly options?: readonly EdnsOption[]
  /** Fills it up to a multiple of 128 octets. */
  readonly padded?: boolean
  /** For a server that cannot read EDNS: without any of it. */
  readonly withoutEdns?: boolean
}

/** A recursive query with EDNS (RFC 6891). AD says that ours in the answer will be looked at (RFC 6840 §5.7). */
export function queryFor({ name, type, class: qclass, dnssecOk = false, checkingDisabled = false }: Wanted, id: number, options: readonly EdnsOption[] = []): Message {
  return {
    header: { id, qr: false, opcode: OPCODE_QUERY, aa: false, tc: false, rd: true, ra: false, ad: true, cd: checkingDisabled, rcode: 0 },
    questions: [{ name, type, class: qclass }], answers: [], authorities: [],
    additionals: [optRecord({ rcode: 0, dnssecOk, options })],
  }
}

/** The octets of such a query. */
export function encodeQuery(wanted: Wanted, id: number, { options = [], padded = false, withoutEdns = false }: QueryOptions = {}): Uint8Array {
  if (withoutEdns) return encodeMessage({ ...queryFor(wanted, id), additionals: [] })
  const query = encodeMessage(queryFor(wanted, id, options))
  if (!padded) return query
  const missing = -(query.length + OPTION_HEADER_OCTETS) & (PADDED_BLOCK_OCTETS - 1)
  return encodeMessage(queryFor(wanted, id, [...options, { code: OPTION.PADDING, bytes: new Uint8Array(missing) }]))
}

/** The same query with each letter of its name capital or small by chance. */
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
 * How octets that came relate to a query: `reply` to it, `other letters` of the name but else a reply, `bare` of any question
 * (some servers leave out what they could not read; never an answer), or `other`.
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

/** A reply with its question written as in `query`: names that are short for it (RFC 1035 §4.1.4) then have those letters too. */
export function withQuestionOf(query: Uint8Array, reply: Uint8Array): Uint8Array {
  const restored = new Uint8Array(reply)
  restored.set(query.subarray(HEADER_OCTETS, questionEnd(query)), HEADER_OCTETS)
  return restored
}

/** Where the one question of a query of ours ends: its name has no pointers. */
function questionEnd(query: Uint8Array): number {
  let at = HEADER_OCTETS
  for (let length = query[at] ?? 0; length !== 0; length = query[at] ?? 0) at += length + 1
  return at + 5
}

/** A length octet is at most 63 and a letter at least 65, so lengths are never taken for letters. */
function isLetter(octet: number): boolean {
  const small = octet | 0x20
  return small >= 0x61 && small <= 0x7a
}
