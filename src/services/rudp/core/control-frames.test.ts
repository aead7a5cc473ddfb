import { expect, test } from 'vitest'
import { crc32 } from '../../kit/crc32.ts'
import { seededRandom } from '../../kit/random.ts'
import type { Frame } from '../wire/frames.ts'
import { ControlFrames, isRepeated } from './control-frames.ts'
import { PacketWriter } from './packet-writer.ts'
import { Trains } from './trains.ts'

/** A writer that has begun a packet with room for this many bytes of frames. */
function packet(roomBytes: number): PacketWriter {
  const writer = new PacketWriter({ localId: 1, remoteId: 2, trains: new Trains(() => undefined), random: seededRandom(1), sum: crc32, encryption: undefined })
  writer.begin('SHORT', roomBytes + 17)
  return writer
}
const limit = (value: number): Frame => ({ kind: 'MAX_DATA', limit: value })

test('the oldest frames leave first, as many as fit, and lost ones before all others', () => {
  const frames = new ControlFrames()
  frames.add(limit(1), limit(2), limit(3))
  expect(frames.take(packet(5))).toEqual([limit(1), limit(2)])
  frames.addAgain([limit(8), limit(9)])
  expect([frames.waiting, frames.isEmpty]).toEqual([[limit(8), limit(9), limit(3)], false])
  expect([frames.take(packet(100)), frames.isEmpty]).toEqual([[limit(8), limit(9), limit(3)], true])
})

test('a packet gets at most 32, so that it stays below the 64 frames that a peer accepts', () => {
  const frames = new ControlFrames()
  for (let value = 0; value < 40; value++) frames.add(limit(value))
  expect([frames.take(packet(1000)).length, frames.waiting.length]).toEqual([32, 8])
})

test('only the latest challenge is answered, so endless challenges fill no memory', () => {
  const frames = new ControlFrames()
  for (let value = 0; value < 100; value++) frames.add({ kind: 'PATH_RESPONSE', value }, limit(7))
  expect(frames.waiting.filter(({ kind }) => kind === 'PATH_RESPONSE')).toEqual([{ kind: 'PATH_RESPONSE', value: 99 }])
})

test('frames that have timers of their own, or that the next one replaces, are not retransmitted', () => {
  const frames: Frame[] = [{ kind: 'PING' }, { kind: 'PATH_CHALLENGE', value: 1 }, { kind: 'PATH_RESPONSE', value: 1 }, { kind: 'STOP_SENDING', streamId: 0, code: 0 }, limit(1)]
  expect(frames.map(isRepeated)).toEqual([false, false, false, true, true])
})
