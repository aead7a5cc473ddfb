/**
 * What each field of a RUDP packet is for, in one sentence, and where docs/rudp.md says more. The window shows it
 * beside the packet (dissect.ts).
 */
import { meant, type Field, type Meaning } from '../../kit/dissection.ts'
import { FRAME_TYPES } from './frames.ts'
import { LONG_TYPES, type LongType } from './packet.ts'

const PACKET = 'docs/rudp.md §3'

const FIELDS: Readonly<Record<string, Meaning>> = {
  form: { says: 'Which header follows: the long form while a connection is being opened, the short form afterwards.', source: PACKET },
  version: { says: 'The version of RUDP. An endpoint that does not speak it answers with the versions that it does speak.', source: PACKET },
  checksum: { says: 'CRC-32 of the other bytes; in very long packets, of the first 1,200 only. A packet that was damaged in transit is dropped, as if it had been lost.', source: PACKET },
  'destination id': { says: 'The id that the receiver chose for the connection. It stays the same when an address or a port changes.', source: PACKET },
  'source id': { says: 'The id that the sender chose for the connection. The peer sends it back as the destination id.', source: PACKET },
  'packet number': { says: 'Counts the packets of the sender and is never reused. An acknowledgment therefore says exactly which packet arrived, even if its bytes were sent twice.', source: 'docs/rudp.md §2' },
  versions: { says: 'The versions that the sender speaks.', source: PACKET },
  keys: { says: 'What the two endpoints need in order to agree on keys. It is not encrypted.', source: 'docs/rudp.md §13' },
  frames: { says: 'Encrypted frames, which only the two endpoints can read.', source: 'docs/rudp.md §13' },
  tag: { says: 'An authentication tag, which only a holder of the key can compute. It proves that nobody has changed the packet.', source: 'docs/rudp.md §13' },
  fields: { says: 'The fields before the bytes of the frame; (v) marks a number of variable length.', source: 'docs/rudp.md §4' },
  bytes: { says: 'What the application wrote, such as a request or part of a page.', source: 'docs/rudp.md §7' },
}

const FRAMES = new Map(Object.entries(FRAME_TYPES).map(([kind, { meaning }]): [string, Meaning] => [kind, { says: `${meaning[0]?.toUpperCase() ?? ''}${meaning.slice(1)}.`, source: 'docs/rudp.md §4' }]))

const LONG_FORMS: Readonly<Record<LongType, Meaning>> = {
  HELLO: { says: 'HELLO: a client opens a connection. With a token, the packet may already carry the first request.', source: 'docs/rudp.md §5' },
  WELCOME: { says: 'WELCOME: the server has accepted the connection and announces its limits.', source: 'docs/rudp.md §5' },
  RETRY: { says: 'RETRY: the server gives the client a token to send back. Until then it keeps no state for the client.', source: 'docs/rudp.md §5' },
  RESET: { says: 'RESET: the connection was refused, or the sender no longer knows it.', source: 'docs/rudp.md §6' },
}

/** What a field is for, followed by what its value means if that is known. */
export function meaningsOf({ name, value }: Field): readonly Meaning[] {
  const longForm = LONG_TYPES.find(type => value === `long, ${type}`)
  return meant(FIELDS[name] ?? FRAMES.get(name), name === 'form' && longForm !== undefined ? LONG_FORMS[longForm] : undefined)
}
