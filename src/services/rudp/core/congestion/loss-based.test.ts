import { expect, test } from 'vitest'
import { bytesOf, Source } from '../../testing/transfer.ts'
import { decodePacket, type NumberedPacket } from '../../wire/packet.ts'
import type { TraceEvent } from '../events.ts'
import { Pair, type PairOptions, type SideName } from '../../testing/pair.ts'
import type { AckSample, LossSample } from './congestion.ts'
import { cubic } from './cubic.ts'
import { reno } from './reno.ts'
import { tahoe } from './tahoe.ts'

const MSS = 1000
const ack = (more: Partial<AckSample> = {}): AckSample => ({
  nowMs: 100, ackedBytes: MSS, flightBytes: 0, newestSentAtMs: 50, rttMs: 50, srttMs: 50, minRttMs: 50, deliveredBytes: 0, priorDeliveredBytes: 0,
  bytesPerMs: 0, isAppLimited: false, isHeldBack: true, ...more,
})
const loss = (more: Partial<LossSample> = {}): LossSample => ({ nowMs: 100, lostBytes: MSS, newestSentAtMs: 50, rttMs: 50, minRttMs: 50, isPersistent: false, ...more })

test.each([{ name: 'tahoe', make: tahoe }, { name: 'reno', make: reno }, { name: 'cubic', make: cubic }])('$name in slow start doubles the window each time a whole window is acknowledged', ({ make }) => {
  const control = make(MSS, 10 * MSS)
  expect([control.windowBytes, control.ssthreshBytes]).toEqual([10 * MSS, Infinity])
  for (let round = 1; round <= 4; round++) {
    for (let left = control.windowBytes; left > 0; left -= MSS) control.onAcked(ack())
    expect(control.windowBytes).toBe(10 * MSS * 2 ** round)
  }
})

test.each([{ name: 'tahoe', make: tahoe }, { name: 'reno', make: reno }, { name: 'cubic', make: cubic }])('$name takes over without slow start if a threshold was found', ({ make }) => {
  const control = make(MSS, 20 * MSS, 12 * MSS)
  expect([control.phase, control.ssthreshBytes]).toEqual(['congestion avoidance', 12 * MSS])
  for (let left = control.windowBytes; left > 0; left -= MSS) control.onAcked(ack())
  expect(control.windowBytes).toBeLessThan(22 * MSS)
  expect(make(MSS, 10 * MSS, 12 * MSS).phase).toBe('slow start')
})

test.each([
  { name: 'tahoe', make: tahoe, windowBytes: MSS, ssthreshBytes: 10 * MSS },
  { name: 'reno', make: reno, windowBytes: 10 * MSS, ssthreshBytes: 10 * MSS },
  { name: 'cubic', make: cubic, windowBytes: 14 * MSS, ssthreshBytes: 14 * MSS },
])('a loss sets the window and threshold of $name, once for all losses of one round trip', ({ make, windowBytes, ssthreshBytes }) => {
  const control = make(MSS, 20 * MSS)
  control.onLost(loss({ newestSentAtMs: 5, nowMs: 20 }))
  control.onLost(loss({ newestSentAtMs: 6, nowMs: 21 }))
  control.onLost(loss({ newestSentAtMs: 20, nowMs: 22 }))
  expect([control.windowBytes, control.ssthreshBytes]).toEqual([windowBytes, ssthreshBytes])
  control.onLost(loss({ newestSentAtMs: 21, nowMs: 30 }))
  expect(control.ssthreshBytes).toBeLessThan(ssthreshBytes)
})

test('losses reduce no window below two datagrams, except that of tahoe, to one', () => {
  for (const [make, least] of [[reno, 2 * MSS], [cubic, 2 * MSS], [tahoe, MSS]] as const) {
    const control = make(MSS, 20 * MSS)
    for (let atMs = 1; atMs < 30; atMs++) control.onLost(loss({ newestSentAtMs: atMs, nowMs: atMs }))
    expect([control.windowBytes, control.ssthreshBytes]).toEqual([least, 2 * MSS])
  }
})

test('above ssthresh, a whole window of acknowledgments adds one datagram in reno and tahoe', () => {
  for (const make of [reno, tahoe]) {
    const control = make(MSS, 20 * MSS)
    control.onLost(loss({ newestSentAtMs: 1, nowMs: 2 }))
    while (control.windowBytes < 10 * MSS) control.onAcked(ack())
    for (let acked = 0; acked < 10; acked++) control.onAcked(ack())
    expect(control.windowBytes / MSS).toBeCloseTo(11, 0)
  }
})

test('cubic is back at the window at which it lost when its curve says so, flat there and steep afterwards', () => {
  const control = cubic(MSS, 100 * MSS)
  control.onLost(loss({ newestSentAtMs: 1, nowMs: 2 }))
  expect(control.windowBytes).toBe(70 * MSS)
  const kMs = 1000 * Math.cbrt(30 / 0.4) // RFC 9438 §4.2, figure 2
  const at = new Map<number, number>()
  for (let nowMs = 100; nowMs < 2.2 * kMs; nowMs += 200) {
    for (let acked = 0; acked < control.windowBytes; acked += MSS) control.onAcked(ack({ nowMs, newestSentAtMs: nowMs - 50, srttMs: 200 }))
    at.set(Math.round(nowMs / kMs * 10), control.windowBytes / MSS)
  }
  expect(at.get(10)).toBeGreaterThan(97)
  expect(at.get(10)).toBeLessThan(105)
  expect((at.get(11) ?? 0) - (at.get(9) ?? 0)).toBeLessThan(6)
  expect(at.get(20)).toBeGreaterThan(125)
  expect(at.get(20)).toBeLessThan(135) // 130 by the curve
  expect((at.get(20) ?? 0) - (at.get(18) ?? 0)).toBeGreaterThan(10)
})

test('a cubic that loses again below its plateau lowers the next one, to make room for others (RFC 9438 §4.7)', () => {
  const control = cubic(MSS, 400 * MSS)
  control.onLost(loss({ newestSentAtMs: 1, nowMs: 2 }))
  control.onLost(loss({ newestSentAtMs: 3, nowMs: 4 }))
  const plateau = 0.85 * 280
  for (let nowMs = 10; nowMs < 1000 * Math.cbrt((plateau - 196) / 0.4); nowMs += 200) {
    for (let acked = control.windowBytes; acked > 0; acked -= MSS) control.onAcked(ack({ nowMs, newestSentAtMs: nowMs - 1, srttMs: 200 }))
  }
  expect(control.windowBytes / MSS).toBeGreaterThan(plateau - 2)
  expect(control.windowBytes / MSS).toBeLessThan(plateau + 2)
})

test('a cubic that starts without a loss starts where it is, on the flat part of its curve', () => {
  const control = cubic(MSS, 100 * MSS, 100 * MSS)
  for (let nowMs = 100; nowMs < 2000; nowMs += 200) {
    for (let acked = control.windowBytes; acked > 0; acked -= MSS) control.onAcked(ack({ nowMs, newestSentAtMs: nowMs - 50, srttMs: 200 }))
  }
  expect(control.windowBytes).toBeLessThan(111 * MSS)
})

test('reno counts every acknowledged byte, however many come at once', () => {
  const control = reno(MSS, 10 * MSS, 10 * MSS)
  for (let acked = 0; acked < 91; acked += 7) control.onAcked(ack({ ackedBytes: 7 * MSS }))
  expect(control.windowBytes).toBe(17 * MSS) // 10 + 11 + … + 16 are 91
})

test('the curve of cubic pauses while its window is unused', () => {
  const grown = (restMs: number) => {
    const control = cubic(MSS, 100 * MSS)
    control.onLost(loss({ newestSentAtMs: 1, nowMs: 2 }))
    for (const nowMs of [100, 150, 200, 250, 300 + restMs, 350 + restMs]) {
      for (let acked = control.windowBytes; acked > 0; acked -= MSS) control.onAcked(ack({ nowMs, newestSentAtMs: nowMs - 50 }))
    }
    return control.windowBytes
  }
  expect(grown(20_000) / grown(0)).toBeCloseTo(1, 2)
})

test('cubic grows at the pace of reno only above the window at which it lost, not above the lower plateau that it leaves to others', () => {
  const control = cubic(MSS, 40 * MSS)
  control.onLost(loss({ newestSentAtMs: 1, nowMs: 2 }))
  control.onLost(loss({ newestSentAtMs: 3, nowMs: 4 })) // at 28 datagrams, below 40: the plateau is 23.8
  const growth: number[] = []
  for (let nowMs = 10; control.windowBytes < 30 * MSS; nowMs++) {
    const { windowBytes } = control
    for (let acked = windowBytes; acked > 0; acked -= MSS) control.onAcked(ack({ nowMs, newestSentAtMs: nowMs - 1, srttMs: 1 }))
    if (windowBytes > 24.5 * MSS && windowBytes < 27 * MSS) growth.push((control.windowBytes - windowBytes) / MSS)
  }
  expect(growth.length).toBeGreaterThan(2)
  for (const datagrams of growth) expect(datagrams).toBeCloseTo(9 / 17, 1) // RFC 9438 §4.3
})

test('cubic leaves slow start when the round trip grows, before anything is lost', () => {
  const control = cubic(MSS, 10 * MSS)
  let deliveredBytes = 0
  let round = 0
  while (control.ssthreshBytes === Infinity && round < 30) {
    round++
    const startBytes = deliveredBytes
    const rttMs = 50 + Math.max(0, control.windowBytes / MSS - 80) * 0.5
    for (let acked = 0; acked < 12; acked++) {
      deliveredBytes += control.windowBytes / 12
      control.onAcked(ack({ ackedBytes: MSS, rttMs, deliveredBytes, priorDeliveredBytes: startBytes }))
    }
    for (let acked = control.windowBytes; acked > 0 && control.phase === 'slow start' && round < 5; acked -= MSS) control.onAcked(ack({ rttMs, deliveredBytes, priorDeliveredBytes: startBytes }))
  }
  expect(control.phase).toBe('congestion avoidance')
})

test('after persistent congestion the window is two datagrams', () => {
  const control = reno(MSS, 20 * MSS)
  control.onLost(loss({ isPersistent: true }))
  expect(control.windowBytes).toBe(2 * MSS)
})

test('persistent congestion counts even if a loss of the same round trip was already handled', () => {
  const control = cubic(MSS, 20 * MSS)
  control.onLost(loss({ newestSentAtMs: 5, nowMs: 20 }))
  control.onLost(loss({ newestSentAtMs: 6, nowMs: 21, isPersistent: true }))
  expect(control.windowBytes).toBe(2 * MSS)
})

test('a window leaves in half a round trip in slow start, and in four fifths of one afterwards', () => {
  for (const make of [tahoe, reno, cubic]) {
    expect([undefined, 50].map(srttMs => make(MSS, 20 * MSS).pacingBytesPerMs(srttMs))).toEqual([Infinity, 20 * MSS / 25])
    expect(make(MSS, 20 * MSS, 20 * MSS).pacingBytesPerMs(50)).toBe(20 * MSS / 40)
  }
})

test('longer datagrams widen a window that could not hold two of them', () => {
  const control = reno(MSS, 2 * MSS)
  control.setDatagramBytes(3 * MSS)
  expect(control.windowBytes).toBe(6 * MSS)
  control.setDatagramBytes(MSS)
  expect(control.windowBytes).toBe(6 * MSS)
})

test('a spurious loss is undone', () => {
  for (const make of [tahoe, reno, cubic]) {
    const control = make(MSS, 20 * MSS)
    control.onLost(loss({ newestSentAtMs: 5, nowMs: 20 }))
    control.onSpurious()
    expect([control.windowBytes, control.ssthreshBytes]).toEqual([20 * MSS, Infinity])
    control.onAcked(ack({ newestSentAtMs: 10 })) // sent before the spurious loss
    expect(control.windowBytes).toBe(21 * MSS)
  }
})

test('undoing a spurious loss does not shrink a window that has grown in the meantime', () => {
  const control = reno(MSS, 20 * MSS)
  control.onLost(loss({ newestSentAtMs: 5, nowMs: 20 }))
  for (let left = 400; left > 0; left--) control.onAcked(ack())
  const { windowBytes, ssthreshBytes } = control
  expect(windowBytes).toBeGreaterThan(20 * MSS)
  control.onSpurious()
  expect([control.windowBytes, control.ssthreshBytes]).toEqual([windowBytes, ssthreshBytes])
})

test('an unused window does not grow', () => {
  for (const make of [tahoe, reno, cubic]) {
    const control = make(MSS, 20 * MSS)
    for (let acked = 0; acked < 50; acked++) control.onAcked(ack({ isHeldBack: false }))
    expect(control.windowBytes).toBe(20 * MSS)
  }
})

/** A reno connection with 900 KB to send, its window events, and a filter for packets to lose. */
function connection(loses: (from: SideName, packet: NumberedPacket, nowMs: number) => boolean) {
  const windows: Extract<TraceEvent, { kind: 'window' }>[] = []
  const lost: TraceEvent[] = []
  const options: PairOptions = {
    seed: 1, congestion: 'reno', link: { delayMs: 50 },
    observe(end, event) {
      if (end.role !== 'initiator') return
      if (event.kind === 'window') windows.push(event)
      if (event.kind === 'lost') lost.push(event)
    },
    tap: (from, bytes, nowMs) => !loses(from, decodePacket(bytes.slice()) as NumberedPacket, nowMs),
  }
  const pair = new Pair(options)
  const { client } = pair.connected()
  pair.wait(300)
  const startMs = pair.nowMs
  const stream = client.openStream()
  if (stream === undefined) throw new Error('no stream')
  new Source(bytesOf(900_000, 1)).resume(stream)
  pair.drain()
  return { pair, client, windows, lost, stream, startMs }
}
const carries = (packet: NumberedPacket) => packet.frames.some(({ kind }) => kind === 'STREAM')

test('on the wire, slow start doubles the window every round trip', () => {
  const { pair, client } = connection(() => false)
  const start = client.metrics().windowBytes
  pair.wait(100)
  for (const factor of [2, 4, 8]) {
    pair.wait(100)
    expect(client.metrics().windowBytes / start / factor).toBeGreaterThan(0.8)
    expect(client.metrics().windowBytes / start / factor).toBeLessThan(1.25)
  }
})

test('a lost packet is retransmitted three packets later, and window and ssthresh are halved', () => {
  let toLose = 1
  const { pair, client, lost, startMs } = connection((from, packet) => from === 'client' && carries(packet) && packet.number % 5 === 0 && toLose-- > 0)
  pair.run(() => lost.length > 0, 1000)
  expect(lost).toMatchObject([{ found: 'packet threshold' }])
  expect(pair.nowMs - startMs).toBeLessThan(120) // no timer was needed
  const { ssthreshBytes, windowBytes } = client.metrics()
  expect(ssthreshBytes).toBe(windowBytes)
  pair.run(() => client.metrics().retransmitted === 1, 100)
  expect(pair.nowMs - startMs).toBeLessThan(200)
})

test('silence brings single probes at doubled intervals up to 2 s, and leaves the window unchanged', () => {
  let silentFromMs = Infinity
  const sentAtMs: number[] = []
  const { pair, client } = connection((from, packet, nowMs) => {
    if (from === 'client' && carries(packet) && nowMs > silentFromMs + 150) sentAtMs.push(nowMs)
    return nowMs > silentFromMs
  })
  pair.wait(150)
  silentFromMs = pair.nowMs
  const { windowBytes } = client.metrics()
  pair.wait(7_000)
  const gaps = sentAtMs.slice(1).map((atMs, index) => Math.round(atMs - (sentAtMs[index] ?? 0)))
  expect(gaps.filter(gapMs => gapMs < 2_000).length).toBeGreaterThan(1)
  for (const [index, gapMs] of gaps.slice(1).entries()) expect(gapMs).toBeCloseTo(Math.min(2_000, 2 * (gaps[index] ?? 0)), -1)
  expect(gaps[gaps.length - 1]).toBe(2_000)
  expect(client.metrics().windowBytes).toBeGreaterThanOrEqual(windowBytes)
})

test('the early duplicate recovers a lost tail a quarter of a round trip later', () => {
  let silent = false
  const pair = new Pair({ seed: 3, congestion: 'reno', link: { delayMs: 50 }, tap: from => !(silent && from === 'client') })
  const { client } = pair.connected()
  pair.wait(300)
  const stream = client.openStream()
  silent = true
  stream?.write(bytesOf(100, 1))
  pair.drain()
  silent = false
  const sentAtMs = pair.nowMs
  const arrived = () => pair.server.events.some(event => event.kind === 'stream' && event.stream.readableBytes === 100)
  pair.run(arrived, 100)
  expect(pair.nowMs - sentAtMs).toBe(75)
})
