/**
 * Where the options of a message go. Every client accepts a datagram of 576 bytes (RFC 2131 §2); less the IP and UDP
 * headers, that leaves 548 bytes for the message. Options that do not fit after the header go into `file`, then into
 * `sname`, if those fields are unused:
 *
 *      0                44         108          236      240                     548
 *     +------------------+----------+------------+--------+-----------------------+
 *     | fixed part       | sname 3. |   file 2.  | magic  | options 1.        END |
 *     +------------------+----------+------------+--------+-----------------------+
 *
 * Option 52 announces it (RFC 2132 §9.3). A value longer than 255 bytes is split into options of the same code. A
 * reader takes the fields in the order 1, 2, 3, so a later part is never placed before an earlier one (RFC 3396 §5).
 * Options are placed in order of importance, and those that fit nowhere are left out.
 *
 * The relay's option 82 comes last in the first field (RFC 3046 §2.1), and the client identifier just before it. The
 * options in front of them are the same for all clients of a kind, so they can be encoded once (core/reply.ts).
 */
import { concat } from '../../kit/concat.ts'
import { CARRIES_OPTIONS, END, OPTIONS, OVERLOAD } from './options.ts'

/** The encoded options of each field, END included; `file` and `sname` are undefined if they carry none. */
export interface Layout {
  readonly main: Uint8Array
  readonly file: Uint8Array | undefined
  readonly sname: Uint8Array | undefined
  /** Codes of the options that fit nowhere. */
  readonly leftOut: readonly number[]
}

/** How many bytes of options each field can hold; 0 if the field is in use. */
export interface OptionSpace {
  readonly mainBytes: number
  readonly fileBytes: number
  readonly snameBytes: number
}

/** No reply is valid without these, so they come first and always fit. */
const FIRST: readonly number[] = [OPTIONS.messageType, OPTIONS.serverIdentifier, OPTIONS.leaseSeconds].map(({ code }) => code)
const IDENTIFIER = OPTIONS.clientIdentifier.code
const LAST = OPTIONS.relayAgent.code
const VALUE_BYTES_MAX = 255
const OVERLOAD_BYTES = 3
const END_BYTES = 1
/** What a datagram of 576 bytes leaves for options. */
const SMALLEST: OptionSpace = { mainBytes: 308, fileBytes: 128, snameBytes: 64 }
/**
 * What every lease carries: type, times, mask, addresses, and a domain, host name and client identifier of ordinary
 * length.
 */
const LEASE_BYTES = 120

/**
 * @param values by option code
 * @param order codes in the order the peer requested them; the others follow by number
 */
export function layOut(values: ReadonlyMap<number, Uint8Array>, order: readonly number[], space: OptionSpace): Layout {
  const inOrder = orderOf(values, order)
  const sequence = sequenceIn(inOrder, values)
  if (sequence.length + END_BYTES <= space.mainBytes) return { main: concat([sequence, Uint8Array.of(END)]), file: undefined, sname: undefined, leftOut: [] }

  const last = pieces(LAST, values.get(LAST))
  // RFC 6842 §3: the client identifier is mandatory, so it is placed while there is still room.
  const byImportance = [...FIRST, IDENTIFIER, ...inOrder.filter(code => !FIRST.includes(code) && code !== IDENTIFIER && code !== LAST)]
  const main: Field = { used: OVERLOAD_BYTES + lengthOf(last) + END_BYTES, capacity: space.mainBytes, pieces: [] }
  const file: Field = { used: END_BYTES, capacity: space.fileBytes, pieces: [] }
  const sname: Field = { used: END_BYTES, capacity: space.snameBytes, pieces: [] }
  const leftOut = byImportance.filter(code => !place(pieces(code, values.get(code)), [main, file, sname]))
  const overload = (file.pieces.length > 0 ? CARRIES_OPTIONS.file : 0) | (sname.pieces.length > 0 ? CARRIES_OPTIONS.sname : 0)
  return {
    main: field([...main.pieces, ...(overload === 0 ? [] : [Uint8Array.of(OVERLOAD, 1, overload)]), ...last]),
    file: file.pieces.length > 0 ? field(file.pieces) : undefined,
    sname: sname.pieces.length > 0 ? field(sname.pieces) : undefined,
    leftOut,
  }
}

/**
 * Of the configured options, the codes of those that may not fit into the smallest message beside what every lease
 * carries.
 */
export function optionsThatMayNotFit(values: ReadonlyMap<number, Uint8Array>): readonly number[] {
  return layOut(values, [], { ...SMALLEST, mainBytes: SMALLEST.mainBytes - LEASE_BYTES }).leftOut
}

/**
 * All options in the order of `layOut`, as one field of any length, without END.
 * @param order as for `layOut`
 */
export function sequenceOf(values: ReadonlyMap<number, Uint8Array>, order: readonly number[]): Uint8Array {
  return sequenceIn(orderOf(values, order), values)
}

/** The codes that have values, each once. */
function orderOf(values: ReadonlyMap<number, Uint8Array>, requested: readonly number[]): number[] {
  const inOrder: number[] = []
  const take = (code: number) => { if (values.has(code) && !inOrder.includes(code)) inOrder.push(code) }
  FIRST.forEach(take)
  requested.forEach(code => { if (code !== IDENTIFIER && code !== LAST) take(code) })
  const others = [...values.keys()].filter(code => code !== IDENTIFIER && code !== LAST)
  others.sort((one, other) => one - other).forEach(take)
  take(IDENTIFIER)
  take(LAST)
  return inOrder
}

/** The encoded size of an option, code and length of each part included. */
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
  readonly capacity: number
  readonly pieces: Uint8Array[]
}

/**
 * Places all pieces of an option or none, each where it fits and none before its predecessor.
 * @returns whether they fitted
 */
function place(option: readonly Uint8Array[], fields: readonly Field[]): boolean {
  const placed: { field: Field; piece: Uint8Array }[] = []
  let from = 0
  for (const piece of option) {
    const taken = (field: Field) => placed.reduce((sum, earlier) => earlier.field === field ? sum + earlier.piece.length : sum, field.used)
    from = fields.findIndex((field, index) => index >= from && taken(field) + piece.length <= field.capacity)
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
