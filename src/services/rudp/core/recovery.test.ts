import { expect, test } from 'vitest'
import { CONGESTION_NAMES, type CongestionName } from './congestion/congestion.ts'
import { Recovery } from './recovery.ts'

const DATAGRAM_BYTES = 1200
const ROUND_TRIP_MS = 50
const ROUNDS = 6
const CARRIED = { streamId: 0, offset: 0, lengthBytes: 1000, fin: false, control: [], isMtuProbe: false, isRepeat: false }

/** @param own the number of a packet that asks for no acknowledgement, such as an ACK: where it is the largest that arrived, its round trip is nobody's */
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
    for (const [index, last] of numbers.entries()) recovery.onAck({ kind: 'ACK', ranges: [{ first: 0, last: last + 1 === own ? own : last }], delayMs: 0 }, atMs + ROUND_TRIP_MS + index / 100)
  }
  return recovery.congestion.windowBytes
}

test.each(CONGESTION_NAMES)('%s grows as ever where the first acknowledgement tells no round trip', name => {
  const usual = windowAfterRounds(name, 20)
  expect(usual).toBeGreaterThan(100 * DATAGRAM_BYTES)
  expect(windowAfterRounds(name, 1)).toBeGreaterThan(0.9 * usual)
})
