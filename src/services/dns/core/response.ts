/** The bytes of a response (RFC 1035 §4.1.1, RFC 6891 §7). */
import { optRecord, type Edns } from '../wire/edns.ts'
import { encodeMessage, type Header, type Question, type ResourceRecord } from '../wire/message.ts'

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
  readonly answers?: readonly ResourceRecord[]
  readonly soa?: ResourceRecord | undefined
}

/** @param limitBytes a longer response is sent without records and with TC set */
export function encodeResponse({ header, questions, edns }: Asked, { rcode, aa, answers, soa }: ResponseParts, limitBytes: number): Uint8Array {
  return encodeMessage({
    header: { id: header.id, qr: true, opcode: header.opcode, aa: aa ?? false, tc: false, rd: header.rd, ra: true, ad: false, cd: header.cd, rcode: rcode & 15 },
    questions,
    answers: answers ?? [],
    authorities: soa === undefined ? [] : [soa],
    additionals: edns === undefined ? [] : [optRecord({ rcode, dnssecOk: edns.dnssecOk })],
  }, limitBytes)
}
