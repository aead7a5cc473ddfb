/**
 * What reading one message may cost. Pointers let few octets stand for many: 65,535 octets can name ten megabytes. So whoever
 * reads a name or data pays for its octets as they are written out (for its characters where escapes make them more), and two for
 * each pointer followed. A message that wants more than sixteen times its own length is malformed: work and memory of reading are
 * linear in what was received.
 */
import { MalformedPacket } from '../../kit/errors.ts'

/** An honest response of the longest names (255 octets) stays below; usual ones need two to five. */
export const EXPANSION_MAX = 16
/** A message of 65,535 octets stays within eight times: nothing honest is so large and so repetitive. */
const DECODED_OCTETS_MAX = 512 * 1024

export class Budget {
  /** What reading has made so far, and the pointers that it followed. */
  spentOctets = 0
  readonly limitOctets: number

  /** @param messageBytes the length of what is read */
  constructor(messageBytes: number) {
    this.limitOctets = Math.min(messageBytes * EXPANSION_MAX, DECODED_OCTETS_MAX)
  }

  /** @throws MalformedPacket where the sum for this message goes beyond its limit */
  spend(octets: number, offset: number): void {
    this.spentOctets += octets
    if (this.spentOctets > this.limitOctets) throw new MalformedPacket(offset, 'RFC 1035 §4.1.4', 'the names of one message are too large in sum')
  }
}
