/**
 * A packet taken apart for people: which field stands in which bytes, and what it says. Each protocol's `wire/dissect.ts` makes
 * it, from the bytes as they were on the wire; nothing that serves packets needs it.
 */
import { MalformedPacket } from './errors.ts'

export interface Field {
  /** As its RFC calls it. */
  readonly name: string
  readonly value: string
  /** Its first byte, and the one behind its last. */
  readonly from: number
  readonly to: number
  /** What it consists of, in the order of the bytes. */
  readonly fields?: readonly Field[]
}

export interface Dissection {
  /** The packet on one line. */
  readonly summary: string
  readonly fields: readonly Field[]
}

/** What a field is for, or what its value says: one sentence, and where that is written. Each protocol's `wire/meanings.ts` has its own. */
export interface Meaning {
  readonly says: string
  readonly source: string
}

/** Those of the meanings that are known. */
export function meant(...meanings: readonly (Meaning | undefined)[]): Meaning[] {
  return meanings.filter((meaning): meaning is Meaning => meaning !== undefined)
}

/**
 * What can be read of a packet. Where it breaks a rule, the rest is one field that says which.
 * @param bytes what was kept of it
 * @param wholeBytes how many it had
 * @param read adds the fields one by one, so that those before a fault are kept; gives the summary, or throws MalformedPacket
 */
export function dissect(bytes: Uint8Array, wholeBytes: number, read: (fields: Field[]) => string): Dissection {
  const fields: Field[] = []
  const { length } = bytes
  if (wholeBytes > length) fields.push({ name: 'kept', value: `${length} of ${wholeBytes} bytes`, from: 0, to: 0 })
  try {
    return { summary: read(fields), fields }
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error
    const { parts: { why }, offset, rule } = error
    if (wholeBytes > length) return { summary: `the first ${length} of ${wholeBytes} bytes`, fields }
    fields.push({ name: 'malformed', value: `byte ${offset}: ${why} (${rule})`, from: Math.min(fields[fields.length - 1]?.to ?? 0, length), to: length })
    return { summary: `malformed: ${why}`, fields }
  }
}

/** `0x1f0a`: a number as people compare it with another packet's. */
export function hexNumber(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`
}

/** `01 02 03 … (12 bytes)`; '' for none. */
export function hexBytes(bytes: Uint8Array, shownMax = 32): string {
  const text = Array.from(bytes.subarray(0, shownMax), byte => byte.toString(16).padStart(2, '0')).join(' ')
  return bytes.length > shownMax ? `${text} … (${bytes.length} bytes)` : text
}
