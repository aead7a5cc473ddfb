import { expect, test } from 'vitest'
import { PathMtu } from './path-mtu.ts'

/** A path whose ceiling was probed successfully. */
function searched(ceilingBytes: number): PathMtu {
  const mtu = new PathMtu(ceilingBytes)
  expect(mtu.nextProbeBytes(0)).toBe(ceilingBytes)
  mtu.probeSent()
  expect(mtu.probeArrived(ceilingBytes)).toBe(true)
  expect(mtu.nextProbeBytes(0)).toBeUndefined()
  return mtu
}

test('a silent peer costs long datagrams one second, not ten minutes; the next time two', () => {
  const mtu = searched(61_440)
  for (const [silentAtMs, waitMs] of [[5_000, 1_000], [10_000, 2_000]] as const) {
    expect(mtu.onUnansweredProbes(2, silentAtMs)).toBe(false)
    expect(mtu.onUnansweredProbes(3, silentAtMs)).toBe(true)
    expect(mtu.datagramBytes).toBe(1200)
    expect(mtu.nextProbeBytes(silentAtMs + waitMs - 1)).toBeUndefined()
    expect(mtu.nextProbeBytes(silentAtMs + waitMs)).toBe(61_440)
    mtu.probeSent()
    mtu.probeArrived(61_440)
    expect(mtu.datagramBytes).toBe(61_440)
  }
})

test('if the path really is narrower now, the search finds its width', () => {
  const mtu = searched(1472)
  mtu.onUnansweredProbes(3, 0)
  let nowMs = 1_000
  for (let probes = 0; probes < 100; probes++) {
    const sizeBytes = mtu.nextProbeBytes(nowMs++)
    if (sizeBytes === undefined) break
    mtu.probeSent()
    if (sizeBytes <= 1400) mtu.probeArrived(sizeBytes)
    else mtu.probeLost(sizeBytes)
  }
  expect(mtu.datagramBytes).toBeGreaterThan(1380)
  expect(mtu.datagramBytes).toBeLessThanOrEqual(1400)
})
