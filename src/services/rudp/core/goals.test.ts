// Performance goals of the transport in the simulator, with some margin below the figures that bench/rudp/simulated.mjs
// prints.
import { expect, test } from 'vitest'
import { measureFairness, measurePages, measureShare, type Bottleneck } from '../testing/simulation.ts'

const at = (rateMbit: number, rttMs: number, more: Partial<Bottleneck> = {}): Bottleneck => ({ rateBitsPerSecond: rateMbit * 1e6, rttMs, ...more })

test.each([
  { name: 'without loss', link: at(20, 50), seconds: 8, goodput: 0.92 },
  { name: 'at 1 % loss', link: at(20, 50, { loss: 0.01 }), seconds: 8, goodput: 0.89 },
  { name: 'at 5 % loss', link: at(20, 50, { loss: 0.05 }), seconds: 8, goodput: 0.85 },
  { name: 'at 10 % loss', link: at(20, 50, { loss: 0.1 }), seconds: 8, goodput: 0.78 },
  { name: 'with losses in bursts', link: at(20, 50, { loss: 0.02, lossRun: 8 }), seconds: 8, goodput: 0.88 },
  { name: 'with 5 % reordering', link: at(20, 50, { reordering: 0.05, reorderMs: 5 }), seconds: 8, goodput: 0.9 },
  { name: 'with a queue of a quarter of the BDP', link: at(20, 50, { queueBdp: 0.25 }), seconds: 8, goodput: 0.92 },
  { name: 'between programs that pause for 10 ms now and then', link: at(20, 50, { pauses: { everyMs: 300, lengthMs: 10 } }), seconds: 8, goodput: 0.89 },
  { name: 'between programs that are paused as long as they run', link: at(100, 20, { pauses: { everyMs: 10, lengthMs: 8 } }), seconds: 4, goodput: 0.72 },
  { name: 'on a long slow lossy link', link: at(2, 300, { loss: 0.02 }), seconds: 20, goodput: 0.85 },
])('bbr fills the link $name, wastes little, and acknowledges little', ({ link, seconds, goodput }) => {
  const share = measureShare('bbr', link, seconds * 1000)
  expect(share.goodput).toBeGreaterThan(goodput)
  expect(share.wire * (1 - (link.loss ?? 0))).toBeLessThan(1.075)
  expect(share.acks).toBeLessThan(0.025)
})

test('bbr finds the rate of a long fat link within a few round trips', () => {
  // Ten, including the handshake, from 32 datagrams in flight to 833.
  expect(measureShare('bbr', at(200, 50, { queueBdp: 4 }), 500).goodput).toBeGreaterThan(0.3)
})

test.each(['reno', 'cubic', 'bbr'] as const)('%s recovers soon after a second in which nothing got through', congestion => {
  // In 6 s, of which one was silent and probes may wait for another.
  expect(measureShare(congestion, at(20, 50), 6000, 1, { fromMs: 500, toMs: 1500 }).goodput).toBeGreaterThan(0.5)
})

test('bbr keeps a deep queue short that cubic fills', () => {
  const deep = at(20, 50, { queueBdp: 4 })
  expect(measureShare('bbr', deep, 8000).queueMs).toBeLessThan(10)
  expect(measureShare('cubic', deep, 8000).queueMs).toBeGreaterThan(50)
})

test.each([{ name: 'tahoe' as const, goodput: 0.6 }, { name: 'reno' as const, goodput: 0.85 }, { name: 'cubic' as const, goodput: 0.9 }])('$name fills a link without loss', ({ name, goodput }) => {
  expect(measureShare(name, at(20, 50), 8000).goodput).toBeGreaterThan(goodput)
})

test.each([
  { pair: ['bbr', 'bbr'] as const, weaker: 0.33 }, { pair: ['cubic', 'bbr'] as const, weaker: 0.35 }, { pair: ['bbr', 'cubic'] as const, weaker: 0.38 },
  { pair: ['cubic', 'cubic'] as const, weaker: 0.35 }, { pair: ['reno', 'reno'] as const, weaker: 0.35 },
])('$pair share a link, whichever starts first', ({ pair, weaker }) => {
  // Chance decides which flow a loss hits: the mean of three runs.
  const runs = [1, 2, 3].map(seed => measureFairness(pair, at(20, 50), 14_000, seed))
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  expect(mean(runs.map(({ shares }) => Math.min(...shares)))).toBeGreaterThan(weaker)
  expect(mean(runs.map(({ jain }) => jain))).toBeGreaterThan(0.92)
})

test('a page of 30 KB takes 2.3 round trips on a new connection, 1.3 on a return visit, and a few more at 5 % loss', () => {
  const middle = (times: readonly number[]) => times[times.length >> 1]
  expect(middle(measurePages(at(20, 50), 3, false))).toBeLessThan(2.3)
  expect(middle(measurePages(at(20, 50), 3, true))).toBeLessThan(1.3)
  const lossy = measurePages(at(20, 50, { loss: 0.05 }), 200, false)
  expect(middle(lossy)).toBeLessThan(2.9)
  expect(lossy[Math.floor(lossy.length * 0.9)]).toBeLessThan(3.7)
})
