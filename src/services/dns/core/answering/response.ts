/** The bytes of a response (RFC 1035 §4.1.1, RFC 6891 §7). */
import { extendedErrorOption, keepaliveOption, provenanceOption, type ExtendedError } from '../../wire/edns-options.ts'
import { optRecord, type Edns } from '../../wire/edns.ts'
import { encodeMessage, type Header, type Question, type ResourceRecord } from '../../wire/message.ts'
import { RCODE } from '../../wire/types.ts'
import type { ZoneAnswer } from '../zone/zone.ts'

/** What of the query comes back in its response. */
export interface Asked {
  readonly header: Header
  readonly questions: readonly Question[]
  /** A query without EDNS gets a response without it. */
  readonly edns: Edns | undefined
}

export interface ResponseParts {
  readonly rcode: number
  /** Said by the authority itself. */
  readonly aa?: boolean
  /** Checked by a server that can be trusted. */
  readonly ad?: boolean
  readonly answers?: readonly ResourceRecord[]
  readonly authorities?: readonly ResourceRecord[]
  readonly additionals?: readonly ResourceRecord[]
  /** Told to clients that speak EDNS. */
  readonly extendedError?: ExtendedError | undefined
  /** How the answer is known, told to clients that want to hear it. */
  readonly provenance?: string | undefined
  /** Told to clients on TCP that ask (RFC 7828): STREAM_IDLE_MS. */
  readonly tellsKeepalive?: boolean
}

/** A connection without a query for so long is closed (stream-clients.ts). */
export const STREAM_IDLE_MS = 10_000

/** @param limitBytes a longer response is sent without records and with TC set */
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

function optOf({ rcode, extendedError, provenance, tellsKeepalive }: ResponseParts, { dnssecOk }: Edns): ResourceRecord {
  if (extendedError === undefined && provenance === undefined && tellsKeepalive !== true) return optRecord({ rcode, dnssecOk })
  const options = [
    ...(extendedError === undefined ? [] : [extendedErrorOption(extendedError)]), ...(provenance === undefined ? [] : [provenanceOption(provenance)]),
    ...(tellsKeepalive === true ? [keepaliveOption(STREAM_IDLE_MS)] : []),
  ]
  return optRecord({ rcode, dnssecOk, options })
}

/** Not said with authority: that begins at the servers that are named. */
export function referral({ servers, keys, glue }: Extract<ZoneAnswer, { kind: 'referral' }>, edns: Edns | undefined): ResponseParts {
  return { rcode: RCODE.NOERROR, authorities: edns?.dnssecOk === true ? [...servers, ...keys] : servers, additionals: glue }
}
