/**
 * Zone transfer: a secondary fetches the whole zone (AXFR, RFC 5936), or the changes since the state that it has (IXFR,
 * RFC 1995). Both are a sequence of records, spread over as many messages as necessary:
 *
 *     AXFR               SOA  all other records of the zone  SOA
 *     IXFR               SOA  ⟨ SOA before  removed  SOA after  added ⟩ once for each change  SOA
 *     IXFR, up to date   SOA
 *
 * An IXFR from a state that is not remembered is answered like an AXFR. Over UDP, an IXFR that does not fit is answered with
 * just the SOA, and the secondary retries over TCP.
 */
import { optRecord, type Edns } from '../../wire/edns.ts'
import { encodeMessage, type Header, type Message, type Question, type ResourceRecord } from '../../wire/message.ts'
import { isWithin, nameKey } from '../../wire/name.ts'
import { RCODE, TYPE } from '../../wire/types.ts'
import { APEX, isNewerSerial, serialOf } from '../zone/apex.ts'
import type { Zone } from '../zone/zone.ts'

/** Records in the order shown above. */
export interface Transfer {
  readonly records: Iterable<ResourceRecord>
  /** True once the zone has changed, so that the remaining records would not match the first ones. */
  readonly isTorn: () => boolean
}

/** How a transfer ended: with the last record, or early because the zone changed. */
export type TransferEnd = 'whole' | 'torn'

/**
 * Compression pointers reach only the first 16 KiB of a message (RFC 1035 §4.1.4). Also, no message has to wait long for
 * the one before it.
 */
const MESSAGE_BYTES = 16_384
/** The end of the name, type, class, TTL and data length. */
const RECORD_BYTES = 12
/**
 * Up to this many records are buffered until they are sent. A larger zone is read while it is sent, and a change in that
 * time tears it.
 */
export const RECORDS_HELD_MAX = 20_000

/** AXFR. Names registered outside the apex are not part of the zone. */
export function wholeZone(zone: Zone): Transfer {
  const { soa, generation } = zone
  const rest = recordsBetween(zone)
  const held: ResourceRecord[] = [soa]
  // Not for-of: leaving it early would end the generator, which is read further below.
  for (let next = rest.next(); next.done !== true; next = rest.next()) {
    held.push(next.value)
    if (held.length > RECORDS_HELD_MAX) break
  }
  if (held.length <= RECORDS_HELD_MAX) return { records: [...held, soa], isTorn: () => false }
  return { records: chain(held, rest, [soa]), isTorn: () => zone.generation !== generation }
}

/**
 * The serial of the state that the sender of an IXFR has, from the SOA in the authority section (RFC 1995 §3); undefined
 * without one.
 */
export function heldSerial({ authorities }: Message): number | undefined {
  const held = authorities.find(({ name, type }) => type === TYPE.SOA && nameKey(name) === APEX)
  return held === undefined ? undefined : serialOf(held)
}

/** IXFR for a secondary that has the state with this serial. */
export function changesSince(zone: Zone, serial: number): Transfer {
  if (!isNewerSerial(zone.serial, serial)) return { records: [zone.soa], isTorn: () => false }
  const differences = zone.differencesSince(serial)
  if (differences === undefined) return wholeZone(zone)
  const changes = differences.flatMap(({ from, removed, to, added }) => [from, ...removed, to, ...added])
  return { records: [zone.soa, ...changes, zone.soa], isTorn: () => false }
}

/** The parts of the query that the response repeats. */
export interface TransferQuery {
  readonly header: Header
  readonly question: Question
  readonly edns: Edns | undefined
}

/**
 * The messages of a transfer, each encoded on demand. Only the first has a question and EDNS (RFC 5936 §2.2).
 * @param begin called for the first message, so that a waiting transfer holds no records
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

/** A whole transfer in one message, for UDP; undefined if it does not fit. */
export function oneMessage(query: TransferQuery, { records }: Transfer, limitBytes: number): Uint8Array | undefined {
  const answers: ResourceRecord[] = []
  for (const record of records) {
    // A lower bound on the length: a record takes at least a pointer for its name and the fixed fields.
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
