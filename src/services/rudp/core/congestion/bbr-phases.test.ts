// The rules of BBR round by round, over a scripted path of 2,000 bytes/ms and 50 ms.
import { expect, test } from 'vitest'
import { bbr } from './bbr.ts'

const DATAGRAM_BYTES = 1200
const RATE = 2000
const RTT_MS = 50
const BDP_BYTES = RATE * RTT_MS
/** 3 ms at the rate, for delayed acknowledgments. */
const SLACK_BYTES = 3 * RATE
/** A round trip that shows a queue, and one that just does not. */
const QUEUED_MS = 56
const UNQUEUED_MS = 55

interface Round {
  readonly rate?: number
  readonly rttMs?: number
  readonly flightBytes?: number
  readonly isAppLimited?: boolean
  /** The fraction lost in it, and the round trip of the packets that revealed the loss. */
  readonly lost?: { readonly part: number; readonly rttMs: number }
  readonly lastsMs?: number
  /** Its last packets took longer. Losses and acknowledgments then come in two halves. */
  readonly lastRttMs?: number
}

function path(minRttMs = RTT_MS) {
  const congestion = bbr(DATAGRAM_BYTES, 32 * DATAGRAM_BYTES)
  let nowMs = 0
  let deliveredBytes = 0
  /** Delivers the acknowledgments of a round; the last one ends it. @returns the phase after it */
  const round = ({ rate = RATE, rttMs = minRttMs, flightBytes = 0, isAppLimited = false, lost, lastsMs = minRttMs, lastRttMs }: Round = {}): string => {
    nowMs += lastsMs
    const startBytes = deliveredBytes
    const rtts = lastRttMs === undefined ? [rttMs] : [rttMs, lastRttMs]
    for (const [index, now] of rtts.entries()) {
      const sentBytes = 2 * BDP_BYTES / rtts.length
      const lostBytes = sentBytes * (lost?.part ?? 0)
      const ackedBytes = sentBytes - lostBytes
      const priorDeliveredBytes = index === rtts.length - 1 ? startBytes : startBytes - 1
      deliveredBytes += ackedBytes
      if (lost !== undefined) congestion.onLost({ nowMs, newestSentAtMs: nowMs, minRttMs, lostBytes, rttMs: lost.rttMs, isPersistent: false })
      congestion.onAcked({
        nowMs, newestSentAtMs: nowMs, minRttMs, bytesPerMs: rate, isAppLimited, isHeldBack: true, priorDeliveredBytes, deliveredBytes, ackedBytes, flightBytes, rttMs: now, srttMs: now,
      })
    }
    return congestion.phase
  }
  const rounds = (count: number, each: Round = {}): readonly string[] => Array.from({ length: count }, () => round(each))
  /** Runs rounds until the phase begins. @returns how many that took */
  const until = (phase: string, each: Round = {}): number => {
    for (let count = 1; count < 100; count++) {
      const before = congestion.phase
      if (round(each) === phase && before !== phase) return count
    }
    return expect.unreachable(`${phase} comes`)
  }
  const outage = (): void => congestion.onLost({ nowMs, newestSentAtMs: nowMs, minRttMs, rttMs: minRttMs, lostBytes: DATAGRAM_BYTES, isPersistent: true })
  const pace = (srttMs = minRttMs): number => congestion.pacingBytesPerMs(srttMs)
  return { congestion, round, rounds, until, outage, pace }
}

/** A connection that has found the rate and is cruising. */
function cruising(minRttMs = RTT_MS) {
  const found = path(minRttMs)
  found.until('probe cruise')
  return found
}

const queuedLoss = (part: number): Round => ({ lost: { part, rttMs: QUEUED_MS } })
const radioLoss = (part: number): Round => ({ lost: { part, rttMs: UNQUEUED_MS } })

test('nothing is paced before a round trip is known', () => {
  expect(path().congestion.pacingBytesPerMs(undefined)).toBe(Infinity)
})

test('STARTUP has room for 2.2 BDP while the rate grows and nothing queues, and is paced by its window, or by the rate if that is faster', () => {
  const { congestion, round, pace } = path()
  round({ rate: 500 })
  expect(pace()).toBeCloseTo(2.77 * congestion.windowBytes / RTT_MS)
  expect(pace(10_000)).toBeCloseTo(2.77 * 500)
  round({ rate: 2500 })
  expect(congestion.windowBytes).toBeCloseTo(2.2 * 2500 * RTT_MS + 3 * 2500)
  round({ rate: 3500, rttMs: QUEUED_MS })
  expect(congestion.windowBytes).toBe(2 * 3500 * RTT_MS + 3 * 3500)
  round({ rate: 3500 })
  expect([congestion.windowBytes, pace()]).toEqual([2 * 3500 * RTT_MS + 3 * 3500, 2.77 * 3500])
})

test('STARTUP ends when the rate has grown by less than a quarter in three rounds; application-limited rounds do not count', () => {
  const { round, rounds } = path()
  const phases = [500, 1000, 1249, 1249].map(rate => round({ rate }))
  rounds(3, { rate: 1249, isAppLimited: true })
  expect([...phases, round({ rate: 1250 }), ...rounds(3, { rate: 1250 })]).toEqual([...Array<string>(7).fill('startup'), 'drain'])
})

test('loss behind a queue ends STARTUP if the rate does not grow; other loss does not', () => {
  for (const [lost, phase] of [[radioLoss(0.2), 'startup'], [queuedLoss(0.021), 'drain']] as const) {
    const { round } = path()
    expect([round(), round(lost)]).toEqual(['startup', phase])
  }
})

test('DRAIN sends slowly until the flight is no more than the path holds', () => {
  const { until, round, congestion, pace } = path()
  until('drain', { flightBytes: 2 * BDP_BYTES })
  expect([pace(), congestion.windowBytes]).toEqual([0.35 * RATE, 2 * BDP_BYTES + SLACK_BYTES])
  expect([round({ flightBytes: BDP_BYTES + 1 }), round({ flightBytes: BDP_BYTES })]).toEqual(['drain', 'probe down'])
})

test('PROBE_DOWN lasts at least two rounds, until no queue is left', () => {
  const { until, rounds, round, congestion, pace } = path()
  until('probe down')
  expect([pace(), congestion.windowBytes]).toEqual([0.95 * RATE, BDP_BYTES + SLACK_BYTES])
  expect([...rounds(2)]).toEqual(['probe down', 'probe cruise'])
  until('probe down')
  expect([...rounds(3, { flightBytes: BDP_BYTES + SLACK_BYTES + 1 }), round({ flightBytes: BDP_BYTES + SLACK_BYTES })]).toEqual([...Array<string>(3).fill('probe down'), 'probe cruise'])
})

test('6 to 10 rounds pass between two probes for more, at the rate found and with room for twice the BDP', () => {
  const lengths = [1, 2, 3, 4, 5].map(laterRounds => {
    const { until, round, rounds, congestion, pace } = path()
    until('probe down')
    rounds(laterRounds, { flightBytes: 2 * BDP_BYTES })
    until('probe cruise')
    round()
    expect([pace(), congestion.windowBytes]).toEqual([RATE, 2 * BDP_BYTES + SLACK_BYTES])
    return 1 + until('probe up')
  })
  expect(lengths.sort((one, other) => one - other)).toEqual([6, 7, 8, 9, 10])
})

test('PROBE_UP continues while the rate grows and nothing queues', () => {
  const { until, round, congestion, pace } = path()
  until('probe up')
  round()
  expect([pace(), congestion.windowBytes]).toEqual([1.25 * RATE, 2.25 * BDP_BYTES + SLACK_BYTES])
  expect([2250, 2500, 2800].map(rate => round({ rate }))).toEqual(['probe up', 'probe up', 'probe up'])
  expect(round({ rate: 3000 })).toBe('probe down')
  until('probe up', { rate: 3000 })
  expect([3400, 3800, 4200].map(rate => round({ rate }))).toEqual(['probe up', 'probe up', 'probe up'])
  expect(round({ rate: 4700, rttMs: QUEUED_MS })).toBe('probe down')
})

test('PROBE_UP must exceed the rate that was known when it began', () => {
  const { until, round, rounds } = cruising()
  round({ rate: 2400 })
  until('probe up')
  expect([...rounds(2, { rate: 2500 })]).toEqual(['probe up', 'probe down'])
})

test('a burst at the end of a round that queues behind itself does not count as a queue', () => {
  const { until, round } = cruising()
  until('probe up')
  expect([2300, 2600].map(rate => round({ rate, lastRttMs: 80 }))).toEqual(['probe up', 'probe up'])
})

test('a slower path is believed once a probe for more, and everything since the previous probe, has found no more', () => {
  const { until, pace } = cruising()
  until('probe down', { rate: 1000 })
  expect(pace()).toBe(0.95 * RATE)
  until('probe up', { rate: 1000 })
  expect(pace()).toBe(1.25 * RATE)
  until('probe down', { rate: 1000 })
  expect(pace()).toBe(0.95 * 1000)
})

test('a sender with little data does not take the path for slower, but does take it for faster', () => {
  const { until, pace, round } = cruising()
  for (let cycle = 0; cycle < 3; cycle++) until('probe cruise', { rate: 1000, isAppLimited: true })
  expect(pace()).toBe(RATE)
  round({ rate: 2400, isAppLimited: true })
  expect(pace()).toBe(2400)
})

test('more than 2 % lost behind a queue bounds the flight; CRUISE stays below the bound, but not below what the path holds', () => {
  const { congestion, round } = cruising()
  round(queuedLoss(0.02))
  expect(congestion.ssthreshBytes).toBe(Infinity)
  round(queuedLoss(0.021))
  expect([congestion.ssthreshBytes, congestion.windowBytes]).toEqual([0.7 * 2 * BDP_BYTES, 0.85 * 0.7 * 2 * BDP_BYTES])
  round(queuedLoss(0.03))
  expect([congestion.ssthreshBytes, congestion.windowBytes]).toEqual([BDP_BYTES + SLACK_BYTES, BDP_BYTES + SLACK_BYTES])
})

test('loss is counted over a whole round, however many acknowledgments report it', () => {
  const { congestion, round } = cruising()
  round({ ...queuedLoss(0.019), lastRttMs: RTT_MS })
  expect(congestion.ssthreshBytes).toBe(Infinity)
  round({ ...queuedLoss(0.021), lastRttMs: RTT_MS })
  expect(congestion.ssthreshBytes).toBeLessThan(Infinity)
})

test('on a short path, 1.5 ms show a queue', () => {
  const { congestion, round } = cruising(5)
  round({ lost: { part: 0.1, rttMs: 6.4 } })
  expect(congestion.ssthreshBytes).toBe(Infinity)
  round({ lost: { part: 0.1, rttMs: 6.6 } })
  expect(congestion.ssthreshBytes).toBeLessThan(Infinity)
})

test('a probe for more ends on loss behind a queue, and raises the bound if it meets none', () => {
  const { congestion, round, rounds, until } = cruising()
  until('probe up')
  expect(round(queuedLoss(0.03))).toBe('probe down')
  const bound = 0.7 * 2.25 * BDP_BYTES
  expect(congestion.ssthreshBytes).toBe(bound)
  until('probe up')
  rounds(1)
  expect([congestion.ssthreshBytes, congestion.windowBytes]).toEqual([bound, bound])
  expect(round()).toBe('probe down')
  expect(congestion.ssthreshBytes).toBeCloseTo(1.25 * bound)
})

test('a spurious loss bounds nothing', () => {
  const { congestion, round } = cruising()
  round(queuedLoss(0.1))
  congestion.onSpurious()
  expect(congestion.ssthreshBytes).toBe(Infinity)
})

test('loss without a queue in nearly every round bounds nothing, and is made up for by sending faster, with room in the window for it', () => {
  const { congestion, rounds, pace } = cruising()
  const lossy = { ...radioLoss(0.1), lastRttMs: RTT_MS }
  rounds(200, lossy)
  while (congestion.phase !== 'probe cruise') rounds(1, lossy)
  rounds(1, lossy)
  expect(congestion.ssthreshBytes).toBe(Infinity)
  expect(pace() / RATE).toBeCloseTo(1 / 0.9, 3)
  expect(congestion.windowBytes / BDP_BYTES).toBeCloseTo(2.1 + SLACK_BYTES / BDP_BYTES, 2)
  // The same loss behind a queue is not taken for congestion either; more than 2 % beyond it is.
  rounds(1, queuedLoss(0.115))
  expect(congestion.ssthreshBytes).toBe(Infinity)
  rounds(1, queuedLoss(0.14))
  expect(congestion.ssthreshBytes).toBeLessThan(Infinity)
})

test('however much is lost, at most a quarter is sent on top', () => {
  const { congestion, rounds, pace } = cruising()
  rounds(300, radioLoss(0.6))
  while (congestion.phase !== 'probe cruise') rounds(1, radioLoss(0.6))
  expect(pace() / RATE).toBeCloseTo(1.25, 2)
})

test('loss behind a queue, in a round that met one, or before the rate was found is not taken for radio loss', () => {
  const { rounds, pace } = cruising()
  rounds(3, queuedLoss(0.2))
  rounds(3, { ...radioLoss(0.2), rttMs: QUEUED_MS })
  expect(pace()).toBe(RATE)
  const young = path()
  young.rounds(2, radioLoss(0.2))
  young.until('probe cruise')
  young.round()
  expect([young.pace(), young.congestion.windowBytes]).toEqual([RATE, 2 * BDP_BYTES + SLACK_BYTES])
})

test('a minimum round trip that nothing has confirmed for five seconds is remeasured, for 100 ms with half the BDP in flight', () => {
  const { congestion, round, pace } = cruising()
  const rttMs = 52
  for (let passedMs = 0; passedMs < 5000; passedMs += 1000) expect(round({ rttMs, lastsMs: 1000 })).not.toBe('probe rtt')
  expect(round({ rttMs, lastsMs: 1 })).toBe('probe rtt')
  expect([pace(), congestion.windowBytes]).toEqual([RATE, RATE * rttMs / 2 + SLACK_BYTES])
  expect([round({ rttMs: 60, lastsMs: 99 }), round({ rttMs: 60, lastsMs: 1 })]).toEqual(['probe rtt', 'probe down'])
  expect(congestion.windowBytes).toBe(RATE * rttMs + SLACK_BYTES)
  expect([round({ rttMs: 60, lastsMs: 4900 }), round({ rttMs: 60, lastsMs: 1 })]).toEqual(['probe down', 'probe rtt'])
})

test('a round trip within 3 % of the minimum confirms it, and a shorter one replaces it', () => {
  const { congestion, until, round } = cruising()
  for (let count = 0; count < 30; count++) expect(round({ rttMs: 51.5, lastsMs: 1000 })).not.toBe('probe rtt')
  until('probe down', { rttMs: 51.5 })
  expect(congestion.windowBytes).toBe(BDP_BYTES + SLACK_BYTES)
  round({ rttMs: 40 })
  until('probe down')
  expect(congestion.windowBytes).toBe(RATE * 40 + SLACK_BYTES)
})

test('after an outage it restarts with four datagrams, and ignores rate samples of packets sent before its end', () => {
  const { congestion, outage, round, pace } = cruising()
  outage()
  expect([congestion.phase, congestion.windowBytes]).toEqual(['startup', 4 * DATAGRAM_BYTES])
  expect(round({ rate: 100_000, lastRttMs: RTT_MS })).toBe('startup')
  expect(pace()).toBeCloseTo(2.77 * congestion.windowBytes / RTT_MS)
  expect(round({ rate: 500 })).toBe('startup')
  expect([pace(), pace(10_000)]).toEqual([2.77 * congestion.windowBytes / RTT_MS, 2.77 * 500])
})

test('between programs on one machine the window is for a round trip of at least 2 ms', () => {
  const { round, congestion } = cruising(0.1)
  round()
  expect(congestion.windowBytes).toBe((2 * 2 + 3) * RATE)
})

test('on a slow path the window has four datagrams to spare', () => {
  const { round, congestion, until } = path()
  until('probe cruise', { rate: 100 })
  round({ rate: 100 })
  expect(congestion.windowBytes).toBe(2 * 100 * RTT_MS + 4 * DATAGRAM_BYTES)
})

test('the window is at least four datagrams, even if it was taken over or datagrams have become longer', () => {
  const congestion = bbr(DATAGRAM_BYTES, DATAGRAM_BYTES)
  congestion.onAcked({
    nowMs: 50, newestSentAtMs: 0, bytesPerMs: 24, isAppLimited: false, isHeldBack: true, priorDeliveredBytes: 0, deliveredBytes: DATAGRAM_BYTES, ackedBytes: DATAGRAM_BYTES, flightBytes: 0,
    rttMs: 50, srttMs: 50, minRttMs: 50,
  })
  expect(congestion.windowBytes).toBe(4 * DATAGRAM_BYTES)
  congestion.setDatagramBytes(60_000)
  expect(congestion.windowBytes).toBe(240_000)
  congestion.setDatagramBytes(1000)
  expect(congestion.windowBytes).toBe(240_000)
  congestion.onLost({ nowMs: 60, lostBytes: 1000, newestSentAtMs: 0, rttMs: 50, minRttMs: 50, isPersistent: true })
  expect(congestion.windowBytes).toBe(4000)
})
