/**
 * A limit on the cost of reading one message. Compression pointers let few octets stand for many: the names of a message
 * of 65,535 octets can expand to ten megabytes. Reading a name or record data is therefore charged for every octet of its
 * expanded form (or every character, if escapes make the text longer), plus two for each pointer followed. A message that
 * spends more than sixteen times its own length is malformed, so the time and memory spent on reading are linear in the
 * octets received.
 */
import { MalformedPacket } from '../../kit/errors.ts'

/** A legitimate response with the longest names (255 octets) stays below; typical ones need two to five. */
export const EXPANSION_MAX = 16
/** Limits a message of 65,535 octets to eight times its length: no legitimate message is that large and that repetitive. */
const DECODED_OCTETS_MAX = 512 * 1024

export class Budget {
  /** The charge so far, pointers included. */
  spentOctets = 0
  readonly limitOctets: number

  /** @param messageBytes the length of the message */
  constructor(messageBytes: number) {
    this.limitOctets = Math.min(messageBytes * EXPANSION_MAX, DECODED_OCTETS_MAX)
  }

  /** @throws MalformedPacket if the total for this message exceeds its limit */
  spend(octets: number, offset: number): void {
    this.spentOctets += octets
    if (this.spentOctets > this.limitOctets) throw new MalformedPacket(offset, 'RFC 1035 §4.1.4', 'the names of one message are too long in total')
  }
}
