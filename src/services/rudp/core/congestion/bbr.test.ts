import { expect, test } from 'vitest'
import type { AckSample } from './congestion.ts'
import { bbr } from './bbr.ts'

const DATAGRAM_BYTES = 1200
const ack = (nowMs: number, more: Partial<AckSample> = {}): AckSample => ({
  bytesPerMs: 0, isAppLimited: false, isHeldBack: true, priorDeliveredBytes: 0, deliveredBytes: DATAGRAM_BYTES, nowMs, ackedBytes: DATAGRAM_BYTES, flightBytes: 0, newestSentAtMs: nowMs - 50,
  rttMs: 50, srttMs: 50, minRttMs: 50, ...more,
})

test('while no rate is known, pacing follows the window, in any phase', () => {
  const congestion = bbr(DATAGRAM_BYTES, 32 * DATAGRAM_BYTES)
  congestion.onAcked(ack(50))
  congestion.onLost({ nowMs: 60, lostBytes: DATAGRAM_BYTES, newestSentAtMs: 0, rttMs: 50, minRttMs: 50, isPersistent: true })
  // Every rate sample since the outage is discarded, until the minimum round trip has expired.
  congestion.onAcked(ack(10_000, { rttMs: 80 }))
  expect(congestion.phase).toBe('probe rtt')
  expect(congestion.pacingBytesPerMs(50)).toBeCloseTo(congestion.windowBytes / 50)
})

test('during the first flight, whose rate is known only at its end, the window grows by all that is acknowledged', () => {
  const congestion = bbr(DATAGRAM_BYTES, 32 * DATAGRAM_BYTES)
  for (let count = 1; count <= 32; count++) {
    const deliveredBytes = count * DATAGRAM_BYTES
    congestion.onAcked(ack(50 + count / 2, { deliveredBytes, bytesPerMs: deliveredBytes / (50 + count / 2) }))
  }
  expect(congestion.windowBytes).toBe(64 * DATAGRAM_BYTES)
  // The rate of the next flight bounds it.
  congestion.onAcked(ack(100, { deliveredBytes: 64 * DATAGRAM_BYTES, priorDeliveredBytes: 32 * DATAGRAM_BYTES, bytesPerMs: 32 * DATAGRAM_BYTES / 50, ackedBytes: 32 * DATAGRAM_BYTES }))
  expect(congestion.windowBytes).toBeLessThan(80 * DATAGRAM_BYTES)
})

test('if the minimum round trip expires before the rate was found, the search continues afterwards with the same window', () => {
  const congestion = bbr(DATAGRAM_BYTES, 32 * DATAGRAM_BYTES)
  congestion.onAcked(ack(50, { isAppLimited: true, bytesPerMs: 24 }))
  const { windowBytes } = congestion
  congestion.onAcked(ack(10_000, { rttMs: 60, isAppLimited: true, bytesPerMs: 20, priorDeliveredBytes: DATAGRAM_BYTES, deliveredBytes: 2 * DATAGRAM_BYTES }))
  expect([congestion.phase, congestion.windowBytes < windowBytes]).toEqual(['probe rtt', true])
  congestion.onAcked(ack(10_200, { rttMs: 60, isAppLimited: true, bytesPerMs: 20, priorDeliveredBytes: DATAGRAM_BYTES, deliveredBytes: 3 * DATAGRAM_BYTES }))
  expect([congestion.phase, congestion.windowBytes >= windowBytes]).toEqual(['startup', true])
})
