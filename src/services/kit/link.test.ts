import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Link, type LinkConditions } from './link.ts'
import { seededRandom } from './random.ts'

const datagram = (number: number, length = 100) => new Uint8Array(length).fill(number & 255)

/** Sends `count` datagrams, one per millisecond, and returns what arrives when. */
function run(conditions: Partial<LinkConditions>, count: number, seed = 1) {
  const link = new Link<number>(conditions, seededRandom(seed))
  const arrived: { atMs: number; tag: number; bytes: Uint8Array }[] = []
  const collect = (untilMs: number) => {
    for (let atMs = link.deadlineMs(); atMs <= untilMs; atMs = link.deadlineMs()) {
      const got = link.receive(atMs)
      if (got !== undefined) arrived.push({ atMs, ...got })
    }
  }
  for (let index = 0; index < count; index++) {
    collect(index)
    link.send(datagram(index), index, index)
  }
  collect(1e12)
  return { arrived, counts: link.counts }
}

test('a perfect link delivers all, at once and in order', () => {
  const { arrived } = run({}, 50)
  expect(arrived.map(({ tag, atMs }) => [tag, atMs])).toEqual(Array.from({ length: 50 }, (_, index) => [index, index]))
})

test('delay is added to each datagram', () => {
  expect(run({ delayMs: 20 }, 3).arrived.map(({ atMs }) => atMs)).toEqual([20, 21, 22])
})

test('jitter alone changes the times and never the order', () => {
  const { arrived } = run({ delayMs: 5, jitterMs: 30 }, 500)
  expect(arrived.map(({ tag }) => tag)).toEqual(Array.from({ length: 500 }, (_, index) => index))
  expect(Math.max(...arrived.map(({ atMs, tag }) => atMs - tag))).toBeGreaterThan(20)
})

test('reordering lets later datagrams pass, and all arrive', () => {
  const { arrived, counts } = run({ reordering: 0.2, reorderMs: 5 }, 500)
  expect(new Set(arrived.map(({ tag }) => tag)).size).toBe(500)
  expect(counts.reordered).toBeGreaterThan(60)
  expect(arrived.some(({ tag }, place) => tag < (arrived[place - 1]?.tag ?? 0))).toBe(true)
})

test('loss, duplication and corruption happen about as often as asked', () => {
  const { counts, arrived } = run({ loss: 0.3, duplication: 0.2, corruption: 0.1 }, 10_000)
  expect(counts.lost / 10_000).toBeCloseTo(0.3, 1)
  expect(counts.duplicated / 7_000).toBeCloseTo(0.2, 1)
  expect(counts.corrupted / 7_000).toBeCloseTo(0.1, 1)
  expect(arrived.length).toBe(10_000 - counts.lost + counts.duplicated)
})

test('corruption flips one bit in a copy and leaves the sender\'s bytes alone', () => {
  const link = new Link({ corruption: 1 }, seededRandom(3))
  const sent = datagram(0, 1000)
  link.send(sent, undefined, 0)
  const bits = link.receive(0)?.bytes.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)
  expect(bits).toBe(1)
  expect(sent.every(byte => byte === 0)).toBe(true)
})

test('a datagram longer than networks carry is damaged in the part that every checksum covers', () => {
  const link = new Link({ corruption: 1 }, seededRandom(4))
  for (let count = 0; count < 500; count++) link.send(datagram(0, 60_000), undefined, 0)
  const damagedAt = Array.from({ length: 500 }, () => link.receive(0)?.bytes.findIndex(byte => byte !== 0) ?? -1)
  expect(Math.max(...damagedAt)).toBeLessThan(1_200)
  expect(Math.min(...damagedAt)).toBeGreaterThanOrEqual(0)
})

test('a rate spaces datagrams, and a full queue drops', () => {
  const link = new Link<number>({ rateBitsPerSecond: 800_000, queueBytes: 1000 }, seededRandom(1)) // 100 bytes per millisecond
  for (let index = 0; index < 15; index++) link.send(datagram(index), index, 0)
  expect(link.counts.dropped).toBe(5)
  for (let atMs = 1; atMs <= 10; atMs++) {
    expect(link.deadlineMs()).toBe(atMs)
    expect(link.receive(atMs)?.tag).toBe(atMs - 1)
  }
  expect(link.receive(1e9)).toBeUndefined()
})

test('a datagram longer than the MTU is dropped, even if there is room for it', () => {
  const link = new Link<number>({ mtuBytes: 1500, overheadBytes: 28 }, seededRandom(1))
  for (const length of [1472, 1473]) link.send(datagram(0, length), length, 0)
  expect([link.receive(0)?.tag, link.receive(0)?.tag]).toEqual([1472, undefined])
  expect(link.counts).toMatchObject({ sent: 2, dropped: 1, lost: 0 })
})

test('the bytes in flight are limited, and an arrival frees its bytes', () => {
  const link = new Link({ delayMs: 1000 }, seededRandom(1))
  const megabyte = new Uint8Array(1024 * 1024)
  for (let index = 0; index < 70; index++) link.send(megabyte, undefined, 0)
  expect(link.inFlightBytes).toBe(64 * 1024 * 1024)
  expect(link.counts.dropped).toBe(6)
  while (link.receive(1000) !== undefined);
  expect(link.inFlightBytes).toBe(0)
})

test('the same seed repeats the same run', () => {
  fc.assert(fc.property(fc.nat(), fc.double({ min: 0, max: 0.5, noNaN: true }), (seed, loss) => {
    const conditions = { loss, duplication: 0.1, reordering: 0.1, reorderMs: 3, jitterMs: 4, corruption: 0.1 }
    expect(run(conditions, 60, seed)).toEqual(run(conditions, 60, seed))
  }), { numRuns: 30 })
})

test('with a rate, a fade is over before the next of a few small datagrams', () => {
  const link = new Link({ loss: 0.1, lossRun: 8, rateBitsPerSecond: 20e6 }, seededRandom(4))
  const arrived: boolean[] = []
  for (let index = 0; index < 20_000; index++) {
    link.send(Uint8Array.of(1), undefined, 100 * index)
    arrived.push(link.receive(100 * index + 99) !== undefined)
  }
  const lost = arrived.filter(came => !came).length
  const runs = arrived.filter((came, index) => !came && (arrived[index - 1] ?? true)).length
  expect(lost / arrived.length).toBeCloseTo(0.1, 1)
  expect(lost / runs).toBeLessThan(1.3)
})

test('losses come in runs of the requested length and are the requested fraction of all', () => {
  const link = new Link({ loss: 0.1, lossRun: 8 }, seededRandom(3))
  const arrived: boolean[] = []
  for (let index = 0; index < 50_000; index++) {
    link.send(Uint8Array.of(1), undefined, index)
    arrived.push(link.receive(index) !== undefined)
  }
  const lost = arrived.filter(came => !came).length
  const runs = arrived.filter((came, index) => !came && (arrived[index - 1] ?? true)).length
  expect(lost / arrived.length).toBeCloseTo(0.1, 1)
  expect(lost / runs).toBeGreaterThan(6)
  expect(lost / runs).toBeLessThan(10)
})
