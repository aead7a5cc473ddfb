/**
 * The format of a journal file, version 1. Each line is self-contained: its number, a value as JSON, and the CRC-32 (8 lowercase digits)
 * of the line up to the space before it. Line 0 is the header; records count from 1 without gaps.
 *
 *     0 {"v":1,"created":"2026-01-31T09:30:00.000Z"} 0d1c7a2b
 *     1 {"name":"my-app.home.","type":"A","rdata":"192.0.2.7"} 5be4f016
 *     2 {"name":"my-app.home.","type":"A","rdata":"192.0.2.8"} 91c20fd3
 *
 * A line is valid only if it is whole: with its newline, its checksum and the next number. So a truncated or zero-filled tail, a flipped
 * bit, a lost line and a duplicated line are all detected.
 */
import { nativeCrc32 } from './native-crc32.ts'

export const JOURNAL_VERSION = 1

const LINE_END = 0x0a
const SPACE = 0x20
const ZERO = 0x30
const CRC_DIGITS = 8
const NUMBER_DIGITS_MAX = 15
/** The most bytes that a UTF-16 code unit takes. */
const UTF8_BYTES_MAX = 3

/**
 * Encodes lines with consecutive numbers.
 * @param jsons each on a single line, as from JSON.stringify
 */
export function encodeLines(firstNumber: number, jsons: readonly string[]): Uint8Array {
  const roomBytes = jsons.reduce((sum, json) => sum + NUMBER_DIGITS_MAX + json.length * UTF8_BYTES_MAX + CRC_DIGITS + 3, 0)
  const bytes = Buffer.allocUnsafe(roomBytes)
  let at = 0
  let number = firstNumber
  for (const json of jsons) {
    const contentEnd = at + bytes.write(`${number++} ${json}`, at)
    bytes[contentEnd] = SPACE
    const crcEnd = writeCrc(bytes, contentEnd + 1, nativeCrc32(bytes, at, contentEnd, 0))
    bytes[crcEnd] = LINE_END
    at = crcEnd + 1
  }
  return bytes.subarray(0, at)
}

export interface JournalLine {
  readonly number: number
  readonly value: unknown
}

export interface JournalText {
  /** The whole lines, in ascending order of number. */
  readonly lines: readonly JournalLine[]
  /**
   * `tail`: no whole line follows the damage, as after a crash during a write. `middle`: whole lines follow the damage, or no line is whole.
   * A crash cannot cause that, unless the disk wrote later bytes before earlier ones.
   */
  readonly damage: 'none' | 'tail' | 'middle'
  /** The offset of the damaged tail, or the length of the file if there is none. */
  readonly tailAt: number
}

/** Finds the whole lines of a journal file. Accepts any bytes. */
export function decodeLines(file: Uint8Array): JournalText {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.length)
  const lines: JournalLine[] = []
  let next = 0
  let tailAt: number | undefined
  let middle = false
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(LINE_END, at)
    const line = end === -1 ? undefined : decodeLine(bytes, at, end)
    if (line === undefined || line.number < next) {
      tailAt ??= at
    } else {
      if (tailAt !== undefined || line.number > next) middle = true
      tailAt = undefined
      next = line.number + 1
      lines.push(line)
    }
    at = end === -1 ? bytes.length : end + 1
  }
  if (lines.length === 0) middle = true
  return { lines, damage: middle ? 'middle' : tailAt === undefined ? 'none' : 'tail', tailAt: tailAt ?? bytes.length }
}

/** The line at `bytes[from..end)`, or undefined if it is not whole. */
function decodeLine(bytes: Buffer, from: number, end: number): JournalLine | undefined {
  const contentEnd = end - CRC_DIGITS - 1
  if (contentEnd <= from || bytes[contentEnd] !== SPACE || nativeCrc32(bytes, from, contentEnd, 0) !== crcAt(bytes, contentEnd + 1)) return undefined
  const jsonAt = bytes.indexOf(SPACE, from) + 1
  const number = numberIn(bytes, from, jsonAt - 1)
  if (number === undefined) return undefined
  try {
    return { number, value: JSON.parse(bytes.toString('utf8', jsonAt, contentEnd)) }
  } catch {
    return undefined
  }
}

/** Parses eight lowercase hexadecimal digits; -1 if they are not. */
function crcAt(bytes: Uint8Array, at: number): number {
  let crc = 0
  for (let index = at; index < at + CRC_DIGITS; index++) {
    const digit = HEX_DIGITS.indexOf(bytes[index] ?? 0)
    if (digit < 0) return -1
    crc = crc * 16 + digit
  }
  return crc
}

/** Parses up to fifteen decimal digits; undefined if they are not. */
function numberIn(bytes: Uint8Array, from: number, to: number): number | undefined {
  if (to <= from || to - from > NUMBER_DIGITS_MAX) return undefined
  let number = 0
  for (let at = from; at < to; at++) {
    const digit = (bytes[at] ?? 0) - ZERO
    if (digit < 0 || digit > 9) return undefined
    number = number * 10 + digit
  }
  return number
}

const HEX_DIGITS = Buffer.from('0123456789abcdef')

/** @returns the offset after it */
function writeCrc(bytes: Uint8Array, at: number, crc: number): number {
  for (let digit = 0; digit < CRC_DIGITS; digit++) bytes[at + digit] = HEX_DIGITS[(crc >>> (28 - 4 * digit)) & 15] ?? 0
  return at + CRC_DIGITS
}
