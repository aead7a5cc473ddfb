import { expect, test } from 'vitest'
import type { Path } from '../../kit/endpoint.ts'
import { Trains } from './trains.ts'

const path = (port: number): Path => ({ local: { address: '192.0.2.1', port: 1 }, interfaceName: '', peer: { address: '192.0.2.2', port } })

/** Writes datagrams of these sizes. @returns the trains: port, segment size, and the first byte of each datagram */
function trainsOf(datagrams: readonly { to: Path; size: number }[]) {
  const left: { port: number; segmentBytes: number; firsts: number[]; length: number }[] = []
  const trains = new Trains((to, bytes, segmentBytes) => {
    const firsts: number[] = []
    for (let at = 0; at < bytes.length; at += segmentBytes) firsts.push(bytes[at] ?? -1)
    left.push({ port: to.peer.port, segmentBytes, firsts, length: bytes.length })
  })
  datagrams.forEach(({ to, size }, index) => {
    const { bytes, at } = trains.room(size)
    bytes[at] = index
    trains.add(to, size)
  })
  trains.flush()
  return left
}

test('datagrams of one size and path leave as one train, whose last may be shorter', () => {
  const to = path(5)
  expect(trainsOf([1200, 1200, 1200, 300, 1200].map(size => ({ to, size })))).toEqual([
    { port: 5, segmentBytes: 1200, firsts: [0, 1, 2, 3], length: 3900 }, { port: 5, segmentBytes: 1200, firsts: [4], length: 1200 },
  ])
})

test('a longer datagram, or one to another peer, begins a new train', () => {
  const [here, there] = [path(5), path(6)]
  expect(trainsOf([{ to: here, size: 100 }, { to: here, size: 200 }, { to: there, size: 200 }]).map(({ port, firsts }) => [port, firsts])).toEqual([[5, [0]], [5, [1]], [6, [2]]])
})

test('a train has at most 64 datagrams and stays below the length of an IP packet', () => {
  const to = path(5)
  const trains = trainsOf(Array.from({ length: 200 }, () => ({ to, size: 1200 })))
  expect(trains.flatMap(({ firsts }) => firsts)).toEqual(Array.from({ length: 200 }, (_, index) => index))
  for (const { firsts, length } of trains) {
    expect(firsts.length).toBeLessThanOrEqual(64)
    expect(length).toBeLessThanOrEqual(61_440)
  }
  expect(trainsOf(Array.from({ length: 70 }, () => ({ to, size: 10 }))).map(({ firsts }) => firsts.length)).toEqual([64, 6])
})

test('memory is reused once it has been sent, and not before', () => {
  const left: Uint8Array[] = []
  const trains = new Trains((_to, bytes) => left.push(bytes))
  const write = (value: number): void => {
    const { bytes, at } = trains.room(60_000)
    bytes.fill(value, at, at + 60_000)
    trains.add(path(5), 60_000)
    trains.flush()
  }
  for (let value = 1; value <= 3; value++) write(value)
  expect(left.map(bytes => [bytes[0], bytes[59_999]])).toEqual([[1, 1], [2, 2], [3, 3]])
  trains.reclaim()
  for (let value = 4; value <= 6; value++) write(value)
  expect(new Set(left.map(({ buffer }) => buffer)).size).toBe(3)
  expect(left.slice(3).map(bytes => [bytes[0], bytes[59_999]])).toEqual([[4, 4], [5, 5], [6, 6]])
})
