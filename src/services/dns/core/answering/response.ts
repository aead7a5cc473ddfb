/** Encodes responses (RFC 1035 §4.1.1, RFC 6891 §7). */
import { extendedErrorOption, keepaliveOption, provenanceOption, type ExtendedError } from '../../wire/edns-options.ts'
import { optRecord, type Edns } from '../../wire/edns.ts'
import { encodeMessage, type Header, type Question, type ResourceRecord } from '../../wire/message.ts'
import { RCODE } from '../../wire/types.ts'
import type { ZoneAnswer } from '../zone/zone.ts'

/** The parts of the query that its response repeats. */
export interface Asked {
  readonly header: Header
  readonly questions: readonly Question[]
  /** A query without EDNS gets a response without EDNS. */
  readonly edns: Edns | undefined
}

export interface ResponseParts {
  readonly rcode: number
  /** Authoritative answer. */
  readonly aa?: boolean
  /** Validated by a trusted server. */
  readonly ad?: boolean
  readonly answers?: readonly ResourceRecord[]
  readonly authorities?: readonly ResourceRecord[]
  readonly additionals?: readonly ResourceRecord[]
  /** Sent to clients with EDNS (RFC 8914). */
  readonly extendedError?: ExtendedError | undefined
  /** Where the answer came from, sent to clients that ask for it. */
  readonly provenance?: string | undefined
  /** Send STREAM_IDLE_MS to a client on TCP that asks for it (RFC 7828). */
  readonly includesKeepalive?: boolean
}

/** A connection that is idle for this long is closed (stream-clients.ts). */
export const STREAM_IDLE_MS = 10_000

/** @param limitBytes a longer response loses its records and gets TC */
export function encodeResponse({ header, questions, edns }: Asked, parts: ResponseParts, limitBytes: number): Uint8Array {
  const { rcode, aa = false, ad = false, answers = [], authorities = [], additionals = [] } = parts
  return encodeMessage({
    header: { id: header.id, qr: true, opcode: header.opcode, aa, tc: false, rd: header.rd, ra: true, ad, cd: header.cd, rcode: rcode & 15 },
    questions,
    answers,
    authorities,
    additionals: edns === undefined ? additionals : [...additionals, optOf(parts, edns)],
  }, limitBytes)
}

function optOf({ rcode, extendedError, provenance, includesKeepalive }: ResponseParts, { dnssecOk }: Edns): ResourceRecord {
  if (extendedError === undefined && provenance === undefined && includesKeepalive !== true) return optRecord({ rcode, dnssecOk })
  const options = [
    ...(extendedError === undefined ? [] : [extendedErrorOption(extendedError)]), ...(provenance === undefined ? [] : [provenanceOption(provenance)]),
    ...(includesKeepalive === true ? [keepaliveOption(STREAM_IDLE_MS)] : []),
  ]
  return optRecord({ rcode, dnssecOk, options })
}

/** Not authoritative: authority begins at the servers it names. */
export function referral({ servers, keys, glue }: Extract<ZoneAnswer, { kind: 'referral' }>, edns: Edns | undefined): ResponseParts {
  return { rcode: RCODE.NOERROR, authorities: edns?.dnssecOk === true ? [...servers, ...keys] : servers, additionals: glue }
}
