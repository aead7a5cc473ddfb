import { expect, test } from 'vitest'
import { flightOf, LossDetector, YOUNG_PACKETS, type SentPacket } from './loss.ts'
import { RoundTrip } from './rtt.ts'

const SIZE_BYTES = 1000
const packet = (number: number, sentAtMs: number, change: Partial<SentPacket> = {}): SentPacket => ({
  number, sentAtMs, sizeBytes: SIZE_BYTES, streamId: -1, offset: 0, lengthBytes: 0, fin: false, control: [], isMtuProbe: false, isRepeat: false,
  deliveredBytes: 0, deliveredAtMs: 0, flightSentAtMs: 0, isAppLimited: false, ...change,
})
const numbers = (packets: readonly SentPacket[]) => packets.map(({ number }) => number)

/** Packets 0 to `last`, all sent at `sentAtMs`, on a path with a round trip of 100 ms. */
function sent(last: number, sentAtMs = 0): LossDetector {
  const roundTrip = new RoundTrip()
  roundTrip.sample(100, 0)
  const loss = new LossDetector(roundTrip)
  for (let number = 0; number <= last; number++) loss.sent(packet(number, sentAtMs))
  return loss
}

test('a packet is lost when one sent three numbers later has been acknowledged (RFC 9002 §6.1.1)', () => {
  const loss = sent(5)
  expect(numbers(loss.acknowledge([{ first: 2, last: 2 }], 0, 100).lost)).toEqual([])
  const { acked, lost } = loss.acknowledge([{ first: 4, last: 4 }], 0, 100)
  expect([numbers(acked), numbers(lost), loss.flightBytes, loss.oldest?.number, loss.newest?.number]).toEqual([[4], [0, 1], 2 * SIZE_BYTES, 3, 5])
})

test('a packet is lost when a later one has been acknowledged and 9/8 round trips have passed (RFC 9002 §6.1.2)', () => {
  const loss = sent(1)
  expect(loss.acknowledge([{ first: 1, last: 1 }], 0, 100).lost).toEqual([])
  expect([loss.deadlineMs(), loss.onDeadline(112.5), numbers(loss.detectLost(112.4)), numbers(loss.detectLost(112.5)), loss.deadlineMs()]).toEqual([112.5, 'detect', [], [0], Infinity])
})

test('a delayed acknowledgment gives older packets that much more time (RFC 9002 §6.1.2: latest_rtt, not adjusted_rtt)', () => {
  const loss = sent(1)
  expect(loss.acknowledge([{ first: 1, last: 1 }], 10, 116).lost).toEqual([])
  expect([loss.roundTrip.latestMs, loss.deadlineMs()]).toEqual([106, 130.5])
})

test('a packet sent after the newest acknowledged one is not lost, however old', () => {
  const loss = sent(2)
  loss.acknowledge([{ first: 1, last: 1 }], 0, 100)
  expect([numbers(loss.detectLost(1e6)), numbers(loss.acknowledge([{ first: 0, last: 0 }], 0, 1e6).lost), loss.oldest?.number]).toEqual([[0], [], 2])
})

test('the round trip is measured from the largest number of an ACK, if it is newly acknowledged (RFC 9002 §5.1)', () => {
  const loss = sent(3)
  loss.acknowledge([{ first: 2, last: 2 }], 5, 150)
  expect(loss.roundTrip.latestMs).toBe(145)
  loss.acknowledge([{ first: 2, last: 2 }, { first: 0, last: 0 }], 0, 500)
  loss.acknowledge([{ first: 4, last: 4 }, { first: 3, last: 3 }], 0, 500)
  expect(loss.roundTrip.latestMs).toBe(145)
})

test('every packet in a range is acknowledged, whatever lies between the ranges', () => {
  const loss = sent(9)
  const { acked } = loss.acknowledge([{ first: 8, last: 9 }, { first: 5, last: 5 }, { first: 0, last: 2 }], 0, 100)
  expect([numbers(acked), loss.flightBytes]).toEqual([[0, 1, 2, 5, 8, 9], SIZE_BYTES])
  expect(loss.acknowledge([{ first: 8, last: 9 }, { first: 0, last: 5 }], 0, 100).late.map(({ number }) => number)).toEqual([3, 4])
})

test('a late packet is reported once, and raises the packet threshold by how far it was overtaken', () => {
  const loss = sent(9)
  expect(numbers(loss.acknowledge([{ first: 4, last: 4 }], 0, 100).lost)).toEqual([0, 1])
  expect(numbers(loss.acknowledge([{ first: 4, last: 4 }, { first: 0, last: 0 }], 0, 101).late)).toEqual([0])
  expect(numbers(loss.acknowledge([{ first: 4, last: 4 }, { first: 0, last: 0 }], 0, 101).late)).toEqual([])
  expect(numbers(loss.acknowledge([{ first: 7, last: 7 }], 0, 102).lost)).toEqual([2])
  loss.forgetPath()
  expect(numbers(loss.acknowledge([{ first: 7, last: 7 }], 0, 102).lost)).toEqual([3])
})

test.each([[150, 37.5], [1000, 50]])('a packet that arrives at %i ms raises the time tolerance to %f ms, at most half a round trip', (arrivesAtMs, toleranceMs) => {
  const loss = sent(3)
  loss.acknowledge([{ first: 3, last: 3 }], 0, 100)
  expect(numbers(loss.acknowledge([{ first: 3, last: 3 }, { first: 0, last: 0 }], 0, arrivesAtMs).late)).toEqual([0])
  for (const number of [4, 5]) loss.sent(packet(number, 2000))
  loss.acknowledge([{ first: 5, last: 5 }], 0, 2100)
  expect(loss.deadlineMs()).toBe(2112.5 + toleranceMs)
  loss.forgetPath()
  expect([loss.detectLost(2100), loss.deadlineMs()]).toEqual([[], 2112.5])
})

test('a packet declared lost two probe times ago is forgotten', () => {
  const loss = sent(3)
  loss.acknowledge([{ first: 3, last: 3 }], 0, 100)
  const untilMs = 2 * loss.roundTrip.probeMs()
  expect([loss.settledNumber(4), numbers(loss.acknowledge([{ first: 3, last: 3 }], 0, untilMs).late), loss.settledNumber(4)]).toEqual([0, [], 0])
  loss.acknowledge([{ first: 3, last: 3 }], 0, untilMs + 1)
  expect(loss.settledNumber(4)).toBe(4)
  expect(loss.acknowledge([{ first: 0, last: 3 }], 0, untilMs + 2).late).toEqual([])
})

test('the settled number is that of the oldest packet in flight or recently lost', () => {
  const loss = sent(5)
  expect([loss.settledNumber(6), new LossDetector(new RoundTrip()).settledNumber(6)]).toEqual([0, 6])
  loss.acknowledge([{ first: 4, last: 4 }], 0, 100)
  expect(loss.settledNumber(6)).toBe(0)
  loss.acknowledge([{ first: 0, last: 4 }], 0, 100)
  expect(loss.settledNumber(6)).toBe(5)
})

test('silence is answered with probes at doubling intervals, which an acknowledgment resets (RFC 9002 §6.2.1)', () => {
  const loss = sent(1)
  const waitMs = loss.roundTrip.probeMs()
  expect([loss.deadlineMs(), loss.onDeadline(waitMs), loss.backOff, loss.deadlineMs()]).toEqual([waitMs, 'probe', 1, waitMs + loss.roundTrip.probeMs(1)])
  loss.acknowledge([{ first: 0, last: 0 }], 0, waitMs)
  expect(loss.backOff).toBe(0)
})

test.each<[string, number, Partial<SentPacket>, boolean]>([
  ['is sent twice', 1, {}, true], ['of an old connection is not', YOUNG_PACKETS + 1, {}, false], ['that was a path MTU probe is not', 1, { isMtuProbe: true }, false], ['that was sent twice is not', 1, { isRepeat: true }, false],
])('the last packet of a flight %s', (_what, number, change, isDuplicated) => {
  const loss = sent(0)
  loss.sent(packet(number, 10, change))
  loss.tailSent(10)
  expect([loss.deadlineMs(), loss.onDeadline(35)]).toEqual(isDuplicated ? [35, 'duplicate'] : [10 + loss.roundTrip.probeMs(), 'probe'])
  expect(loss.deadlineMs()).toBeGreaterThan(35)
})

test('a further packet, or an acknowledgment of the last one, cancels its duplicate', () => {
  for (const end of [(loss: LossDetector) => loss.sent(packet(1, 10)), (loss: LossDetector) => void loss.acknowledge([{ first: 0, last: 0 }], 0, 10)]) {
    const loss = sent(0)
    loss.tailSent(5)
    loss.tailSent(9)
    expect(loss.deadlineMs()).toBe(30)
    end(loss)
    expect(loss.deadlineMs()).toBeGreaterThan(100)
  }
})

test('a path MTU probe uses as much of the window as any packet', () => {
  expect([1000, 1200, 61_440].map(sizeBytes => [flightOf({ isMtuProbe: true, sizeBytes }), flightOf({ isMtuProbe: false, sizeBytes })])).toEqual([[1000, 1000], [1200, 1200], [1200, 61_440]])
})

test('packets that a peer accepted none of are returned, and no deadline remains', () => {
  const loss = sent(5)
  loss.tailSent(0)
  loss.acknowledge([{ first: 1, last: 1 }], 0, 100)
  loss.onDeadline(100)
  expect([numbers(loss.abandonAll()), loss.flightBytes, loss.oldest, loss.newest, loss.deadlineMs(), loss.backOff]).toEqual([[0, 2, 3, 4, 5], 0, undefined, undefined, Infinity, 0])
  loss.sent(packet(6, 200))
  expect([loss.flightBytes, loss.oldest?.number, loss.deadlineMs()]).toEqual([SIZE_BYTES, 6, 200 + loss.roundTrip.probeMs()])
})

test('a flight of thousands stays in order when its front is removed', () => {
  const loss = sent(2999)
  for (let last = 99; last < 2900; last += 100) expect(numbers(loss.acknowledge([{ first: last - 99, last }], 0, 100).acked)).toHaveLength(100)
  expect([loss.oldest?.number, loss.newest?.number, loss.flightBytes]).toEqual([2900, 2999, 100 * SIZE_BYTES])
})
