import { expect, test } from 'vitest'
import { DATAGRAM_BYTES_MAX, decodePacket, type PacketType } from '../../wire/packet.ts'
import type { TraceEvent } from '../events.ts'
import { Pair, type SideName } from '../pair.ts'
import { reno } from './reno.ts'

const MSS = 1000

test('it starts with ten datagrams, and slow start doubles the window each time a whole window is acknowledged', () => {
  const control = reno(MSS)
  expect(control.windowBytes).toBe(10 * MSS)
  expect(control.ssthreshBytes).toBe(Infinity)
  for (let round = 1; round <= 4; round++) {
    for (let flightBytes = control.windowBytes; flightBytes > 0; flightBytes -= MSS) control.onAcked(MSS, round, 10 * MSS * 2 ** (round - 1))
    expect(control.windowBytes).toBe(10 * MSS * 2 ** round)
  }
})

test('a loss halves the window and sets ssthresh there, once for all losses of one round trip', () => {
  const control = reno(MSS)
  control.onLost(5, 20)
  expect([control.windowBytes, control.ssthreshBytes]).toEqual([5 * MSS, 5 * MSS])
  control.onLost(6, 21)
  control.onLost(20, 22)
  expect(control.windowBytes).toBe(5 * MSS)
  control.onLost(21, 30)
  expect(control.windowBytes).toBe(2.5 * MSS)
})

test('neither falls below two datagrams by losses', () => {
  const control = reno(MSS)
  for (let atMs = 1; atMs < 20; atMs++) control.onLost(atMs, atMs)
  expect([control.windowBytes, control.ssthreshBytes]).toEqual([2 * MSS, 2 * MSS])
})

test('beyond ssthresh a whole window of acknowledgements adds one datagram', () => {
  const control = reno(MSS)
  control.onLost(1, 2)
  for (let acked = 0; acked < 5; acked++) control.onAcked(MSS, 3, 5 * MSS)
  expect(control.windowBytes).toBe(6 * MSS)
})

test('a time-out goes back to one datagram and half the flight; the next in a row holds ssthresh', () => {
  const control = reno(MSS)
  control.onTimeout(8 * MSS, true, 100)
  expect([control.windowBytes, control.ssthreshBytes]).toEqual([MSS, 4 * MSS])
  control.onTimeout(MSS, false, 300)
  expect([control.windowBytes, control.ssthreshBytes]).toEqual([MSS, 4 * MSS])
})

test('a window that is not used does not grow', () => {
  const control = reno(MSS)
  for (let acked = 0; acked < 50; acked++) control.onAcked(MSS, 1, 2 * MSS)
  expect(control.windowBytes).toBe(10 * MSS)
})

/** A connection with 500 KB to send, its window events, and a way to lose what one likes. */
function connection(loses: (from: SideName, number: number, nowMs: number, type: PacketType) => boolean) {
  const windows: Extract<TraceEvent, { kind: 'window' }>[] = []
  const lost: TraceEvent[] = []
  const pair = new Pair({
    seed: 1, link: { delayMs: 50 },
    observe(end, event) {
      if (end.role !== 'initiator') return
      if (event.kind === 'window') windows.push(event)
      if (event.kind === 'lost') lost.push(event)
    },
    tap(from, bytes, nowMs) {
      const { number, type } = decodePacket(bytes.slice())
      return !loses(from, number, nowMs, type)
    },
  })
  const { client } = pair.connected()
  client.write(new Uint8Array(500_000), pair.nowMs)
  pair.drain()
  return { pair, client, windows, lost }
}

test('on the wire slow start doubles from round trip to round trip', () => {
  const { pair, client } = connection(() => false)
  const start = client.metrics().windowBytes
  const firstAtMs = pair.nowMs
  const growth = [1, 2, 3, 4].map(round => {
    pair.run(() => pair.nowMs > firstAtMs + 100 * round, 10_000)
    return client.metrics().windowBytes / start
  })
  for (const [index, factor] of growth.entries()) expect(factor / 2 ** (index + 1)).toBeCloseTo(1, 1)
})

test('three packets later a lost one is sent again, and window and ssthresh are halved', () => {
  const { pair, client, lost, windows } = connection((from, number) => from === 'client' && number === 8)
  pair.run(() => lost.length > 0, 1000)
  expect(lost).toMatchObject([{ number: 8, found: 'by later packets' }])
  expect(pair.nowMs).toBe(250) // data at 150, its acknowledgements together at 250: no timer was needed
  pair.run(() => client.metrics().retransmitted === 1, 10)
  const before = Math.max(...windows.slice(0, -1).map(({ windowBytes }) => windowBytes))
  const after = client.metrics()
  expect(after.ssthresh).toBe(after.windowBytes)
  expect(after.windowBytes / before).toBeCloseTo(0.5, 1)
})

test('silence brings one probe, then the time-out: one datagram of window, and doubled waits', () => {
  let silentFromMs = Infinity
  const sentAt: number[] = []
  const { pair, client, lost } = connection((from, _number, nowMs, type) => {
    if (from === 'client' && type === 'DATA' && nowMs > silentFromMs) sentAt.push(nowMs - silentFromMs)
    return nowMs > silentFromMs
  })
  pair.run(() => pair.nowMs > 450, 1000)
  silentFromMs = pair.nowMs
  pair.run(() => lost.length > 0, 1000)
  expect(lost.every(event => event.kind === 'lost' && event.found === 'by time-out')).toBe(true)
  expect(client.metrics().windowBytes).toBe(DATAGRAM_BYTES_MAX)
  expect(client.metrics().ssthresh).toBeGreaterThan(2 * DATAGRAM_BYTES_MAX)
  sentAt.length = 0
  pair.run(() => pair.nowMs > silentFromMs + 15_000, 1000)
  const gaps = sentAt.slice(1).map((atMs, index) => Math.round(atMs - (sentAt[index] ?? 0)))
  expect(gaps.length).toBeGreaterThan(4)
  const doubled = gaps.filter(gapMs => gapMs < 4000)
  expect(doubled.length).toBeGreaterThan(2)
  for (const [index, gapMs] of doubled.slice(1).entries()) expect(gapMs / (doubled[index] ?? 0)).toBeCloseTo(2, 1)
  expect(gaps.slice(doubled.length).every(gapMs => gapMs === 4000)).toBe(true)
})

test('a lost tail is repaired by the probe, without a time-out', () => {
  let silent = false
  const { pair, client, lost } = connection(from => silent && from === 'client')
  pair.run(() => client.metrics().flightBytes === 0, 10_000)
  const windowBytes = client.metrics().windowBytes
  silent = true
  client.write(new Uint8Array(100), pair.nowMs)
  pair.drain()
  silent = false
  const sentAtMs = pair.nowMs
  pair.run(() => pair.accepted?.readableBytes === 500_100, 100)
  expect(pair.nowMs - sentAtMs).toBeLessThan(2 * 100 + 50 + 20)
  expect(lost).toEqual([])
  expect(client.metrics().windowBytes).toBe(windowBytes)
})
