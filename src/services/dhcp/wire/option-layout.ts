/**
 * Where the options of a message go. A client takes messages of 576 bytes at least (RFC 2131 §2), IP and UDP included, so
 * 548 are the message's own. What does not fit behind the header goes into `file`, then into `sname`, where those are empty:
 *
 *      0                44         108          236      240                     548
 *     +------------------+----------+------------+--------+-----------------------+
 *     | fixed part       | sname 3. |   file 2.  | magic  | options 1.        END |
 *     +------------------+----------+------------+--------+-----------------------+
 *
 * Option 52 tells that (RFC 2132 §9.3). A value beyond 255 bytes is cut into options of the same code, which are read in
 * the order 1, 2, 3, so a later part never stands before an earlier one (RFC 3396 §5). What fits nowhere is left out: the
 * order of the options is the order of their importance. The relay's option 82 ends the first field (RFC 3046 §2.1), and before it stands
 * the client's identifier: so what is told to all clients alike is one sequence.
 */
import { concat } from '../../kit/concat.ts'
import { CARRIES_OPTIONS, END, OPTIONS, OVERLOAD } from './options.ts'

/** Options for each field, END included; `file` and `sname` are undefined where they carry none. */
export interface Layout {
  readonly main: Uint8Array
  readonly file: Uint8Array | undefined
  readonly sname: Uint8Array | undefined
  /** Codes of what fits nowhere. */
  readonly leftOut: readonly number[]
}

/** Bytes for options: in the main field, and in the two others where they are free. */
export interface Room {
  readonly mainBytes: number
  readonly fileBytes: number
  readonly snameBytes: number
}

/** Without these an answer is none, so they come first and always fit. */
const FIRST: readonly number[] = [OPTIONS.messageType, OPTIONS.serverIdentifier, OPTIONS.leaseSeconds].map(({ code }) => code)
const IDENTIFIER = OPTIONS.clientIdentifier.code
const LAST = OPTIONS.relayAgent.code
const VALUE_BYTES_MAX = 255
const OVERLOAD_BYTES = 3
const END_BYTES = 1
/** Of a message of 576 bytes. */
const SHORTEST: Room = { mainBytes: 308, fileBytes: 128, snameBytes: 64 }
/** Type, times, masks and addresses, a domain, a name and an identifier of common length. */
const LEASE_BYTES = 120

/**
 * @param values by option code
 * @param order codes in the order that the peer asked for; those that it did not name follow, by number
 */
export function layOut(values: ReadonlyMap<number, Uint8Array>, order: readonly number[], room: Room): Layout {
  const inOrder = orderOf(values, order)
  const sequence = sequenceIn(inOrder, values)
  if (sequence.length + END_BYTES <= room.mainBytes) return { main: concat([sequence, Uint8Array.of(END)]), file: undefined, sname: undefined, leftOut: [] }

  const last = pieces(LAST, values.get(LAST))
  // RFC 6842 §3: the identifier is a must, so it does not wait until there may be no room.
  const byImportance = [...FIRST, IDENTIFIER, ...inOrder.filter(code => !FIRST.includes(code) && code !== IDENTIFIER && code !== LAST)]
  const main: Field = { used: OVERLOAD_BYTES + lengthOf(last) + END_BYTES, room: room.mainBytes, pieces: [] }
  const file: Field = { used: END_BYTES, room: room.fileBytes, pieces: [] }
  const sname: Field = { used: END_BYTES, room: room.snameBytes, pieces: [] }
  const leftOut = byImportance.filter(code => !place(pieces(code, values.get(code)), [main, file, sname]))
  const overload = (file.pieces.length > 0 ? CARRIES_OPTIONS.file : 0) | (sname.pieces.length > 0 ? CARRIES_OPTIONS.sname : 0)
  return {
    main: field([...main.pieces, ...(overload === 0 ? [] : [Uint8Array.of(OVERLOAD, 1, overload)]), ...last]),
    file: file.pieces.length > 0 ? field(file.pieces) : undefined,
    sname: sname.pieces.length > 0 ? field(sname.pieces) : undefined,
    leftOut,
  }
}

/** Of options that are set, the codes of those that the shortest message may have no room for, beside what every lease tells. */
export function optionsThatMayNotFit(values: ReadonlyMap<number, Uint8Array>): readonly number[] {
  return layOut(values, [], { ...SHORTEST, mainBytes: SHORTEST.mainBytes - LEASE_BYTES }).leftOut
}

/**
 * All options one after another in the order of `layOut`, in one field however long, without END.
 * @param order as for `layOut`
 */
export function sequenceOf(values: ReadonlyMap<number, Uint8Array>, order: readonly number[]): Uint8Array {
  return sequenceIn(orderOf(values, order), values)
}

/** The codes that have values, each once. */
function orderOf(values: ReadonlyMap<number, Uint8Array>, asked: readonly number[]): number[] {
  const inOrder: number[] = []
  const take = (code: number) => { if (values.has(code) && !inOrder.includes(code)) inOrder.push(code) }
  FIRST.forEach(take)
  asked.forEach(code => { if (code !== IDENTIFIER && code !== LAST) take(code) })
  const others = [...values.keys()].filter(code => code !== IDENTIFIER && code !== LAST)
  others.sort((one, other) => one - other).forEach(take)
  take(IDENTIFIER)
  take(LAST)
  return inOrder
}

/** What an option takes in a field, each of its parts with code and length. */
function bytesOf(value: Uint8Array | undefined): number {
  return value === undefined ? 0 : value.length + 2 * Math.max(1, Math.ceil(value.length / VALUE_BYTES_MAX))
}

function sequenceIn(codes: readonly number[], values: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const bytes = new Uint8Array(codes.reduce((sum, code) => sum + bytesOf(values.get(code)), 0))
  let at = 0
  for (const code of codes) {
    const value = values.get(code)
    if (value === undefined) continue
    let from = 0
    do {
      const length = Math.min(VALUE_BYTES_MAX, value.length - from)
      bytes[at++] = code
      bytes[at++] = length
      for (const end = from + length; from < end; from++) bytes[at++] = value[from] ?? 0
    } while (from < value.length)
  }
  return bytes
}

interface Field {
  used: number
  readonly room: number
  readonly pieces: Uint8Array[]
}

/** All pieces of an option or none, each where there is room, none before its predecessor. @returns whether there was */
function place(option: readonly Uint8Array[], fields: readonly Field[]): boolean {
  const placed: { field: Field; piece: Uint8Array }[] = []
  let from = 0
  for (const piece of option) {
    const taken = (field: Field) => placed.reduce((sum, earlier) => earlier.field === field ? sum + earlier.piece.length : sum, field.used)
    from = fields.findIndex((field, index) => index >= from && taken(field) + piece.length <= field.room)
    const field = fields[from]
    if (field === undefined) return false
    placed.push({ field, piece })
  }
  for (const { field, piece } of placed) {
    field.pieces.push(piece)
    field.used += piece.length
  }
  return true
}

function pieces(code: number, value: Uint8Array | undefined): Uint8Array[] {
  if (value === undefined) return []
  const out: Uint8Array[] = []
  let from = 0
  do {
    const part = value.subarray(from, from + VALUE_BYTES_MAX)
    out.push(Uint8Array.of(code, part.length, ...part))
    from += VALUE_BYTES_MAX
  } while (from < value.length)
  return out
}

function field(options: readonly Uint8Array[]): Uint8Array {
  return concat([...options, Uint8Array.of(END)])
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0)
}
