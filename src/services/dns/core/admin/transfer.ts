/**
 * Zone transfer: a secondary takes the whole zone (AXFR, RFC 5936), or what has changed since the state that it has (IXFR,
 * RFC 1995). Both are a run of records over as many messages as it takes:
 *
 *     AXFR               SOA  all other records of the zone  SOA
 *     IXFR               SOA  ⟨ SOA before  removed  SOA after  added ⟩ once for each change  SOA
 *     IXFR, all is old   SOA
 *
 * An IXFR from a state that is not remembered is answered as AXFR. By UDP an IXFR that does not fit is answered by the SOA alone,
 * and the secondary comes back by TCP.
 */
import { optRecord, type Edns } from '../../wire/edns.ts'
import { encodeMessage, type Header, type Message, type Question, type ResourceRecord } from '../../wire/message.ts'
import { isWithin, nameKey } from '../../wire/name.ts'
import { RCODE, TYPE } from '../../wire/types.ts'
import { APEX, isNewerSerial, serialOf } from '../zone/apex.ts'
import type { Zone } from '../zone/zone.ts'

/** Records in the order of the figure. */
export interface Transfer {
  readonly records: Iterable<ResourceRecord>
  /** True once the rest of the records would be of another state than the first. */
  readonly isTorn: () => boolean
}

/** How the sending ended: with the last record, or before it since the rest would be of another state. */
export type TransferEnd = 'whole' | 'torn'

/** Names are pointed to in the first 16 KiB of a message only (RFC 1035 §4.1.4); no message waits long for the one before. */
const MESSAGE_BYTES = 16_384
/** Name's end, type, class, TTL and length of data. */
const RECORD_BYTES = 12
/** So many records are held until they are sent. A larger zone is read while it is sent, and a change meanwhile tears it. */
export const RECORDS_HELD_MAX = 20_000

/** AXFR. Names registered outside the apex are no part of the zone. */
export function wholeZone(zone: Zone): Transfer {
  const { soa, generation } = zone
  const rest = recordsBetween(zone)
  const held: ResourceRecord[] = [soa]
  // Not by for-of, whose end would end the generator too.
  for (let next = rest.next(); next.done !== true; next = rest.next()) {
    held.push(next.value)
    if (held.length > RECORDS_HELD_MAX) break
  }
  if (held.length <= RECORDS_HELD_MAX) return { records: [...held, soa], isTorn: () => false }
  return { records: chain(held, rest, [soa]), isTorn: () => zone.generation !== generation }
}

/** The serial of what the sender of an IXFR has: its SOA stands among the authorities (RFC 1995 §3). Undefined where it says none. */
export function heldSerial({ authorities }: Message): number | undefined {
  const held = authorities.find(({ name, type }) => type === TYPE.SOA && nameKey(name) === APEX)
  return held === undefined ? undefined : serialOf(held)
}

/** IXFR for a secondary that has the state of that serial. */
export function changesSince(zone: Zone, serial: number): Transfer {
  if (!isNewerSerial(zone.serial, serial)) return { records: [zone.soa], isTorn: () => false }
  const differences = zone.differencesSince(serial)
  if (differences === undefined) return wholeZone(zone)
  const changes = differences.flatMap(({ from, removed, to, added }) => [from, ...removed, to, ...added])
  return { records: [zone.soa, ...changes, zone.soa], isTorn: () => false }
}

/** What of the query comes back in its answer. */
export interface TransferQuery {
  readonly header: Header
  readonly question: Question
  readonly edns: Edns | undefined
}

/**
 * The messages of a transfer, each made when it is asked for. Question and EDNS stand in the first alone (RFC 5936 §2.2).
 * @param begin is called for the first message: a transfer that waits holds nothing
 */
export function* transferMessages(query: TransferQuery, begin: () => Transfer): Generator<Uint8Array, TransferEnd> {
  const { records, isTorn } = begin()
  let isFirst = true
  let answers: ResourceRecord[] = []
  let bytes = 0
  for (const record of records) {
    const recordBytes = record.name.length + RECORD_BYTES + record.rdata.length
    if (bytes + recordBytes > MESSAGE_BYTES) {
      yield encodeTransfer(query, answers, isFirst)
      if (isTorn()) return 'torn'
      isFirst = false
      answers = []
      bytes = 0
    }
    answers.push(record)
    bytes += recordBytes
  }
  yield encodeTransfer(query, answers, isFirst)
  return 'whole'
}

/** A whole transfer as one message, as UDP needs it; undefined where it does not fit. */
export function oneMessage(query: TransferQuery, { records }: Transfer, limitBytes: number): Uint8Array | undefined {
  const answers: ResourceRecord[] = []
  for (const record of records) {
    // No record takes less than a pointer for its name beside its data.
    if (answers.length * RECORD_BYTES > limitBytes) return undefined
    answers.push(record)
  }
  const bytes = encodeTransfer(query, answers, true)
  return bytes.length <= limitBytes ? bytes : undefined
}

function encodeTransfer({ header, question, edns }: TransferQuery, answers: readonly ResourceRecord[], isFirst: boolean): Uint8Array {
  return encodeMessage({
    header: { id: header.id, qr: true, opcode: header.opcode, aa: true, tc: false, rd: header.rd, ra: false, ad: false, cd: false, rcode: RCODE.NOERROR },
    questions: isFirst ? [question] : [],
    answers, authorities: [],
    additionals: isFirst && edns !== undefined ? [optRecord({ rcode: RCODE.NOERROR, dnssecOk: edns.dnssecOk })] : [],
  })
}

function* recordsBetween(zone: Zone): Generator<ResourceRecord> {
  for (const record of zone.records()) if (record.type !== TYPE.SOA && isWithin(record.name, APEX)) yield record
}

function* chain<T>(...parts: readonly Iterable<T>[]): Generator<T> {
  for (const part of parts) yield* part
}
