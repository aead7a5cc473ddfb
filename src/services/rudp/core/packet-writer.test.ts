import { expect, test } from 'vitest'
import { crc32 } from '../../kit/crc32.ts'
import type { Path } from '../../kit/endpoint.ts'
import { seededRandom } from '../../kit/random.ts'
import { PacketWriter } from './packet-writer.ts'
import { Trains } from './trains.ts'

const path: Path = { local: { address: '192.0.2.1', port: 1 }, interfaceName: '', peer: { address: '192.0.2.2', port: 2 } }

function writerOf(): PacketWriter {
  const writer = new PacketWriter({ localId: 1, remoteId: 2, trains: new Trains(() => undefined), random: seededRandom(1), sum: crc32, encryption: undefined })
  writer.isTraced = true
  return writer
}

test('a packet number is skipped now and then, and acknowledging one is detected', () => {
  const writer = writerOf()
  const numbers = Array.from({ length: 5_000 }, () => {
    writer.begin('SHORT', 100)
    writer.add({ kind: 'PING' })
    return writer.finish(path).number
  })
  const leftOut = numbers.flatMap((number, index) => number - (numbers[index - 1] ?? -1) === 1 ? [] : [number - 1])
  expect(leftOut.length).toBeGreaterThanOrEqual(10)
  for (const [index, number] of leftOut.entries()) {
    const afterNumbers = number - (leftOut[index - 1] ?? 0)
    expect([afterNumbers >= 100, afterNumbers <= 501]).toEqual([true, true])
  }
  for (const number of leftOut.slice(-8)) expect([writer.hasSent({ first: number, last: number }), writer.hasSent({ first: number - 1, last: number - 1 })]).toEqual([false, true])
  expect([writer.hasSent({ first: 0, last: writer.nextNumber }), writer.hasSent({ first: writer.nextNumber - 1, last: writer.nextNumber - 1 })]).toEqual([false, true])
})

test('an ACK without room for all ranges lists the newest', () => {
  const writer = writerOf()
  const ranges = Array.from({ length: 256 }, (_, index) => ({ first: 1_000 - 3 * index, last: 1_001 - 3 * index }))
  writer.begin('SHORT', 200)
  writer.addAck(ranges, 0)
  const { packet, sizeBytes } = writer.finish(path)
  const [ack] = packet?.frames ?? []
  const told = ack?.kind === 'ACK' ? ack.ranges : expect.unreachable('there is room for some')
  expect(told).toEqual(ranges.slice(0, told.length))
  expect([told.length > 30, sizeBytes <= 200]).toEqual([true, true])
})

test('a frame that does not fit is not written and leaves no trace', () => {
  const writer = writerOf()
  writer.begin('SHORT', 17 + 10)
  expect([writer.add({ kind: 'PATH_CHALLENGE', value: 1 }), writer.room, writer.add({ kind: 'MAX_DATA', limit: 100 }), writer.room, writer.add({ kind: 'PING' })]).toEqual([true, 1, false, 1, true])
  expect(writer.finish(path).packet?.frames.map(({ kind }) => kind)).toEqual(['PATH_CHALLENGE', 'PING'])
})
