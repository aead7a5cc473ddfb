/**
 * The text of a journal file, version 1. Every line stands for itself: its number, a value as JSON, and the CRC-32 (8 digits,
 * lower case) of all that stands before it. Line 0 is the header; records count from 1 without a gap.
 *
 *     0 {"v":1,"created":"2026-01-31T09:30:00.000Z"} 0d1c7a2b
 *     1 {"name":"my-app.home.","type":"A","rdata":"192.0.2.7"} 5be4f016
 *     2 {"name":"my-app.home.","type":"A","rdata":"192.0.2.8"} 91c20fd3
 *
 * A line counts only whole: with its line end, its checksum, and a number that goes on. So a cut or zero-filled tail, a flipped
 * bit, a lost and a doubled line are all found.
 */
import { crc32 } from '../crc32.ts'

export const JOURNAL_VERSION = 1

const LINE_END = 0x0a
const SPACE = 0x20
const CRC_DIGITS = 8

/** @param json on one line, as JSON.stringify makes it */
export function encodeLine(number: number, json: string): Uint8Array {
  const content = Buffer.from(`${number} ${json}`)
  return Buffer.concat([content, Buffer.from(` ${formatCrc(crc32(content))}\n`)])
}

export interface JournalLine {
  readonly number: number
  readonly value: unknown
}

export interface JournalText {
  /** The whole lines, numbers rising. */
  readonly lines: readonly JournalLine[]
  /**
   * `none`: all is whole. `tail`: nothing whole follows the damage, as after a crash while writing. `middle`: whole lines follow
   * it, or no line is whole: no crash of ours does that, unless the disk wrote later bytes before earlier ones.
   */
  readonly damage: 'none' | 'tail' | 'middle'
  /** Where the damaged tail begins; the length of the file where there is none. */
  readonly tailAt: number
}

/** Finds the whole lines of a journal file. Takes any bytes. */
export function decodeLines(bytes: Uint8Array): JournalText {
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

/** The line at `bytes[from..end)`, undefined where it is not whole. */
function decodeLine(bytes: Uint8Array, from: number, end: number): JournalLine | undefined {
  const contentEnd = end - CRC_DIGITS - 1
  if (contentEnd <= from || bytes[contentEnd] !== SPACE) return undefined
  if (formatCrc(crc32(bytes, from, contentEnd)) !== textOf(bytes, contentEnd + 1, end)) return undefined
  const [, number, json] = /^(\d{1,15}) (.*)$/s.exec(textOf(bytes, from, contentEnd)) ?? []
  if (number === undefined || json === undefined) return undefined
  try {
    return { number: Number(number), value: JSON.parse(json) }
  } catch {
    return undefined
  }
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8')
}

function formatCrc(crc: number): string {
  return crc.toString(16).padStart(CRC_DIGITS, '0')
}
