import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { CONGESTION_NAMES, type CongestionName } from './congestion/congestion.ts'
import { Recovery } from './recovery.ts'

const DATAGRAM_BYTES = 1200
const ROUND_TRIP_MS = 50
const ROUNDS = 6
const CARRIED = { streamId: 0, offset: 0, lengthBytes: 1000, fin: false, control: [], isMtuProbe: false, isRepeat: false }

/**
 * @param own the number of a packet that is not ack-eliciting, such as an ACK; if it is the largest acknowledged, it
 * gives no round-trip sample
 */
function windowAfterRounds(name: CongestionName, own: number): number {
  const recovery = new Recovery(name, DATAGRAM_BYTES)
  let next = 0
  for (let round = 0; round < ROUNDS; round++) {
    const numbers: number[] = []
    const atMs = round * 2 * ROUND_TRIP_MS
    while (recovery.loss.flightBytes + DATAGRAM_BYTES <= recovery.congestion.windowBytes) {
      if (next !== own) recovery.sent(next, DATAGRAM_BYTES, CARRIED, atMs)
      numbers.push(next++)
    }
    expect(recovery.hold(atMs)).toBe('window')
    for (const [index, last] of numbers.entries()) recovery.onAck({ kind: 'ACK', ranges: [{ first: 0, last: last + 1 === own ? own : last }], delayMs: 0 }, atMs + ROUND_TRIP_MS + index / 100)
  }
  return recovery.congestion.windowBytes
}

test.each(CONGESTION_NAMES)('%s grows as usual if the first ACK gives no round-trip sample', name => {
  const usual = windowAfterRounds(name, 20)
  expect(usual).toBeGreaterThan(100 * DATAGRAM_BYTES)
  expect(windowAfterRounds(name, 1)).toBeGreaterThan(0.9 * usual)
})

/** The memory in use after garbage collection. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc()')
  return process.memoryUsage().heapUsed
}

test.each(CONGESTION_NAMES)('%s keeps nothing of packets lost for good, however long the connection lives', name => {
  const recovery = new Recovery(name, DATAGRAM_BYTES)
  let next = 0
  const loseMost = (flights: number) => {
    for (; flights > 0; flights--) {
      const atMs = next * ROUND_TRIP_MS
      for (let left = 500; left > 0; left--) recovery.sent(next++, DATAGRAM_BYTES, CARRIED, atMs)
      recovery.onAck({ kind: 'ACK', ranges: [{ first: next - 3, last: next - 1 }], delayMs: 0 }, atMs + ROUND_TRIP_MS)
    }
  }
  loseMost(20)
  const before = heapBytes()
  loseMost(400)
  expect((heapBytes() - before) / 1e6).toBeLessThan(2)
  expect(recovery.loss.flightBytes).toBe(0) // keeps the recovery alive until here
})

/** The minimum time for a hundred ACKs without news, with this many packets recently declared lost. */
function acknowledgingMs(lost: number): number {
  const recovery = new Recovery('bbr', DATAGRAM_BYTES)
  const last = lost + 3
  for (let number = 0; number <= last; number++) recovery.sent(number, DATAGRAM_BYTES, CARRIED, 0)
  const acknowledge = () => recovery.onAck({ kind: 'ACK', ranges: [{ first: last - 3, last }], delayMs: 0 }, ROUND_TRIP_MS)
  expect(acknowledge().lost.length).toBe(lost)
  return Math.min(...Array.from({ length: 20 }, () => {
    const startedAtMs = performance.now()
    for (let left = 100; left > 0; left--) acknowledge()
    return performance.now() - startedAtMs
  }))
}

test('an ACK costs the same however many packets were lost, because a peer may send as many as it likes', () => {
  acknowledgingMs(0) // so that it is compiled when it counts
  expect(acknowledgingMs(1000) / acknowledgingMs(0)).toBeLessThan(8)
})

/**
 * The window of reno, in datagrams, after packets sent at these times were lost, except those with the numbers that
 * arrived. The last one arrived after 50 ms and revealed all of this.
 */
function windowAfter(sentAtMs: readonly number[], arrived: readonly number[], measured: boolean): number {
  const recovery = new Recovery('reno', DATAGRAM_BYTES)
  if (measured) recovery.roundTrip.sample(ROUND_TRIP_MS, 0)
  for (const [number, atMs] of sentAtMs.entries()) recovery.sent(number, DATAGRAM_BYTES, CARRIED, atMs)
  const ranges = [...arrived].reverse().map(number => ({ first: number, last: number }))
  recovery.onAck({ kind: 'ACK', ranges, delayMs: 0 }, (sentAtMs[sentAtMs.length - 1] ?? 0) + ROUND_TRIP_MS)
  return recovery.congestion.windowBytes / DATAGRAM_BYTES
}

test('congestion is persistent if everything sent over three probe times is lost, but not if some of it arrived (RFC 9002 §7.6.2)', () => {
  const sentAtMs = [0, 250, 500, 750, 1000, 1000, 1000, 1000]
  expect(windowAfter(sentAtMs, [7], true)).toBe(2)
  expect(windowAfter(sentAtMs, [2, 7], true)).toBe(16)
  expect(windowAfter(sentAtMs, [0, 7], true)).toBe(2)
})

test('losses before the first round-trip sample are not persistent congestion', () => {
  expect(windowAfter([0, 250, 750, 1750, 1750, 1750, 1750], [6], false)).toBe(16)
})
