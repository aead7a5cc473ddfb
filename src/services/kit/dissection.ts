/**
 * A packet dissected for display: which bytes hold which field, and what it says. Each protocol's `wire/dissect.ts` builds one from the
 * bytes as they were on the wire. Only display needs it; no service does.
 */
import { MalformedPacket } from './errors.ts'

export interface Field {
  /** Its name in the RFC. */
  readonly name: string
  readonly value: string
  /** The offset of its first byte, and the offset after its last. */
  readonly from: number
  readonly to: number
  /** Its parts, in byte order. */
  readonly fields?: readonly Field[]
}

export interface Dissection {
  /** The packet on one line. */
  readonly summary: string
  readonly fields: readonly Field[]
}

/** What a field is for, or what its value means: one sentence and its source. Each protocol has its own in `wire/meanings.ts`. */
export interface Meaning {
  readonly says: string
  readonly source: string
}

/** The meanings that are defined. */
export function meant(...meanings: readonly (Meaning | undefined)[]): Meaning[] {
  return meanings.filter((meaning): meaning is Meaning => meaning !== undefined)
}

/**
 * Dissects as much of a packet as can be read. If it breaks a rule, its remainder is one field that names the rule.
 * @param bytes the bytes that were kept
 * @param wholeBytes the packet's original length
 * @param read adds the fields one by one, so that those before an error are kept; returns the summary, or throws MalformedPacket
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

/** `0x1f0a`: for numbers that are compared between packets, such as identifiers. */
export function hexNumber(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`
}

/** `01 02 03 … (12 bytes)`; '' for no bytes. */
export function hexBytes(bytes: Uint8Array, shownMax = 32): string {
  const text = Array.from(bytes.subarray(0, shownMax), byte => byte.toString(16).padStart(2, '0')).join(' ')
  return bytes.length > shownMax ? `${text} … (${bytes.length} bytes)` : text
}
