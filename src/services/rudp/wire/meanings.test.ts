import { expect, test } from 'vitest'
import { dissectPacket } from './dissect.ts'
import { encodeEncryptedRetry, encodeEncryptedShortHeader } from './encrypted-packet.ts'
import { FRAME_TYPES } from './frames.ts'
import { meaningsOf } from './meanings.ts'
import { encodePacket, LONG_TYPES } from './packet.ts'

const says = (name: string, value = '') => meaningsOf({ name, value, from: 0, to: 0 }).map(meaning => meaning.says)

test('every field of a packet has a meaning', () => {
  const encrypted = new Uint8Array(60)
  encodeEncryptedShortHeader(new DataView(encrypted.buffer), 0, 9, 7)
  const packets = [
    encodePacket({ type: 'HELLO', destinationId: 0, sourceId: 1, number: 0, frames: [{ kind: 'PING' }, { kind: 'STREAM', streamId: 0, offset: 0, fin: true, data: Uint8Array.of(1) }] }),
    encodePacket({ type: 'SHORT', destinationId: 1, number: 0, frames: [{ kind: 'PING' }] }),
    encodePacket({ type: 'VERSIONS', destinationId: 1, sourceId: 2, versions: [1] }),
    encrypted, encodeEncryptedRetry(5, 0, { identity: new Uint8Array(32), prekeyNumber: 1, prekey: new Uint8Array(32) }, new Uint8Array(24)),
  ]
  const unexplained = packets.flatMap(bytes => dissectPacket(bytes).fields).flatMap(field => [field, ...field.fields ?? []]).filter(field => meaningsOf(field).length === 0)
  expect(unexplained).toEqual([])
})

test('so has every frame, in the words of the specification', () => {
  for (const kind of Object.keys(FRAME_TYPES)) expect(says(kind)).toHaveLength(1)
  expect(says('PING')).toEqual(['Asks for an immediate acknowledgment.'])
})

test('a long header says which packet it is', () => {
  for (const type of LONG_TYPES) expect(says('form', `long, ${type}`).at(-1)).toMatch(new RegExp(`^${type}: `))
  expect(says('form', 'short')).toHaveLength(1)
})
