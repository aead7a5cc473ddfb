/** What the fields of a RUDP packet are for, one sentence each, and where docs/rudp.md says more: for who reads a packet field by field (dissect.ts). */
import { meant, type Field, type Meaning } from '../../kit/dissection.ts'
import { FRAME_TYPES } from './frames.ts'
import { LONG_TYPES, type LongType } from './packet.ts'

const PACKET = 'docs/rudp.md §3'

const FIELDS: Readonly<Record<string, Meaning>> = {
  form: { says: 'Which header follows: a long one while a connection is opened, a short one afterwards.', source: PACKET },
  version: { says: 'The version of RUDP: who does not know it answers with those that it knows.', source: PACKET },
  checksum: { says: 'A sum of the other bytes (CRC-32), of very long packets the first 1,200: a packet that was damaged on the way is dropped, as if it had been lost.', source: PACKET },
  'destination id': { says: 'The connection, as the receiver calls it. So it stays the same when an address or a port changes.', source: PACKET },
  'source id': { says: 'The connection, as the sender calls it: what the receiver has to write there.', source: PACKET },
  'packet number': { says: 'Counts the packets of the sender and is never used again: an acknowledgement tells exactly which packet arrived, also when its bytes were sent twice.', source: 'docs/rudp.md §2' },
  versions: { says: 'The versions that the sender knows.', source: PACKET },
  keys: { says: 'What the two ends need to agree on keys, and readable for that.', source: 'docs/rudp.md §13' },
  frames: { says: 'Frames that only the two ends can read.', source: 'docs/rudp.md §13' },
  tag: { says: 'A sum that only who has the key can make: it shows that nobody has changed the packet.', source: 'docs/rudp.md §13' },
  fields: { says: 'What stands before the bytes of the frame; (v) is a number that takes as many bytes as it needs.', source: 'docs/rudp.md §4' },
  bytes: { says: 'What the application wrote, such as a request or a part of a page.', source: 'docs/rudp.md §7' },
}

const FRAMES = new Map(Object.entries(FRAME_TYPES).map(([kind, { meaning }]): [string, Meaning] => [kind, { says: `${meaning[0]?.toUpperCase() ?? ''}${meaning.slice(1)}.`, source: 'docs/rudp.md §4' }]))

const LONG_FORMS: Readonly<Record<LongType, Meaning>> = {
  HELLO: { says: 'HELLO: a client opens a connection; with a token, its first request may be in it already.', source: 'docs/rudp.md §5' },
  WELCOME: { says: 'WELCOME: the server has taken the connection, and tells what it takes.', source: 'docs/rudp.md §5' },
  RETRY: { says: 'RETRY: the server gives a token to be shown. Until it is, the server remembers nothing of the client.', source: 'docs/rudp.md §5' },
  RESET: { says: 'RESET: the connection was refused, or nothing is known of it here any more.', source: 'docs/rudp.md §6' },
}

/** What a field of a packet is for, and behind it what its value says; less where nothing is known of it. */
export function meaningsOf({ name, value }: Field): readonly Meaning[] {
  const longForm = LONG_TYPES.find(type => value === `long, ${type}`)
  return meant(FIELDS[name] ?? FRAMES.get(name), name === 'form' && longForm !== undefined ? LONG_FORMS[longForm] : undefined)
}
