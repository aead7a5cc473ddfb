/**
 * The parity of a short stream: a few extra bytes from which the receiver restores lost ones without asking for them
 * again.
 *
 * The stream is written in rows of b bytes; the parity is the XOR of all rows, one byte for each column:
 *
 *     offset   0 … b−1         ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
 *              b … 2b−1        ▓▓▓▓▓▓▓▓▓▓▓▓▓░░░░░░░   ┐ lost: one packet, which began and
 *              2b … 3b−1       ░░░░░░░░░░▓▓▓▓▓▓▓▓▓▓   ┘ ended in the middle of a row
 *              3b … end        ▓▓▓▓▓▓▓▓▓
 *     parity                   ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
 *
 * XOR is its own inverse: the XOR of a column's parity with all bytes of the column but one is that one byte. So the
 * receiver can restore any loss that leaves at most one byte missing in each column, wherever the packet boundaries
 * were: always a range of up to b bytes, as here, and also several ranges that share no column. docs/rudp.md §7 has the
 * rules, docs/decisions/parity.md the reasons.
 */
import { RangeSet } from './range-set.ts'

/** What a PARITY frame says about its stream. */
export interface Parity {
  readonly finalSize: number
  /** CRC-32 of the whole stream. */
  readonly sum: number
  readonly data: Uint8Array
}

/** Bytes from offset `start` up to, but not including, `end`. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** XORs bytes at a stream offset into the parity. Adding the same bytes again removes them. */
export function addToParity(parity: Uint8Array, offset: number, bytes: Uint8Array): void {
  const [sum, added] = [viewOf(parity), viewOf(bytes)]
  for (let at = 0; at < bytes.length;) {
    const column = (offset + at) % parity.length
    const length = Math.min(bytes.length - at, parity.length - column)
    let done = 0
    // Signed, because V8 stores signed 32-bit integers without allocating an object for each.
    for (; done + 4 <= length; done += 4) sum.setInt32(column + done, sum.getInt32(column + done) ^ added.getInt32(at + done))
    for (; done < length; done++) sum.setUint8(column + done, sum.getUint8(column + done) ^ added.getUint8(at + done))
    at += length
  }
}

/**
 * The parity bytes in the columns of a range. If nothing else is missing from these columns, they are the lost bytes.
 */
export function columnsOf(parity: Uint8Array, { start, end }: Range): Uint8Array {
  const columns = new Uint8Array(end - start)
  const first = start % parity.length
  columns.set(parity.subarray(first, first + columns.length))
  if (first + columns.length > parity.length) columns.set(parity.subarray(0, first + columns.length - parity.length), parity.length - first)
  return columns
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

/** Whether no two bytes of these ranges, which do not overlap, fall into the same column. */
export function areInOwnColumns(ranges: readonly Range[], parityBytes: number): boolean {
  const taken = new RangeSet()
  let free = parityBytes
  for (const { start, end } of ranges) {
    free -= end - start
    if (free < 0) return false
    const from = start % parityBytes
    const to = from + end - start
    taken.add(from, Math.min(to, parityBytes))
    taken.add(0, to - parityBytes)
  }
  taken.forEachGap(0, parityBytes, (start, end) => { free -= end - start })
  return free === 0
}
