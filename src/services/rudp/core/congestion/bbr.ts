/**
 * BBR: models the path instead of waiting for loss (Cardwell et al., "BBR: Congestion-Based Congestion Control", 2016, and
 * draft-ietf-ccwg-bbr, whose names stand here). It measures the bottleneck's rate and the least round trip; their product, the BDP,
 * is what the path holds without a queue. It sends at that rate, and looks now and then whether there is more.
 *
 *     STARTUP ─ rate grows no more ─▶ DRAIN ─ queue is empty ─▶ PROBE_DOWN ─▶ PROBE_CRUISE ─▶ PROBE_UP ─┐
 *                                                                  ▲                                    │
 *                                                                  └──────── queue is there, or loss ───┘
 *
 * Two things are Hamlet's own (docs/decisions/congestion-control.md). Loss bounds the flight only where the packets behind it took
 * longer than the least round trip, which shows a queue: else it is the radio's, not ours. And loss that nearly every round has without
 * a queue is made good by sending faster by so much.
 */
import type { AckSample, Congestion, CongestionFactory, LossSample } from './congestion.ts'
import { BandwidthFilter } from './bandwidth-filter.ts'
import { ForeignLoss } from './foreign-loss.ts'

export const bbr: CongestionFactory = (datagramBytes, windowBytes) => new Bbr(datagramBytes, windowBytes)

/** Gains: pacing is a multiple of the rate, the window one of the BDP. */
const PHASES = {
  'startup': { pacing: 2.77, window: 2 },
  'drain': { pacing: 0.35, window: 2 },
  'probe down': { pacing: 0.95, window: 1 },
  'probe cruise': { pacing: 1, window: 2 },
  'probe up': { pacing: 1.25, window: 2.25 },
  'probe rtt': { pacing: 1, window: 0.5 },
} as const
type Phase = keyof typeof PHASES

/** STARTUP ends after so many rounds in which the rate grew by less than a quarter. */
const FULL_ROUNDS = 3
const FULL_GROWTH = 1.25
/** Of the window in STARTUP, as long as the rate grows and nothing queues. 2 would not double it in a round: the rate that it multiplies is a round old. */
const GROWING_WINDOW_GAIN = 2.2
/** In CRUISE between two looks for more, in rounds: at least, and at most on top. Which round it is decides, so that flows do not look all at once. */
const CRUISE_ROUNDS_MIN = 6
const CRUISE_ROUNDS_MORE = 4
/** A round trip so much above the least shows a queue. */
const QUEUE_FACTOR = 1.1
const QUEUE_MS_MIN = 1.5
/** Loss behind a queue is ours where it is more than this part of a round, and more than is lost without a queue, too. */
const LOSS_BEARABLE = 0.02
/** What is left of the bound after a round of too much loss; and how much of it CRUISE uses. */
const BOUND_FACTOR = 0.7
const HEADROOM = 0.85
/** UP goes on while the rate grows by so much a round; each of its rounds moves the bound up. */
const UP_GROWTH = 1.1
const UP_BOUND_GROWTH = 1.25
/** The least round trip is measured anew after so long, for so long. */
const MIN_RTT_OLD_MS = 5_000
/** A round trip so near to the least confirms it: no look is needed. */
const SAME_RTT_FACTOR = 1.03
const PROBE_RTT_MS = 100
const WINDOW_DATAGRAMS_MIN = 4
/**
 * A shorter round trip counts as this long in the BDP. Between programs of one machine, or of one room, a packet waits for its program's
 * turn longer than it travels: a window for the travel alone would stand empty while one of them waits.
 */
const ROUND_TRIP_MS_MIN = 2
/**
 * On top of the BDP, since acknowledgments come for some datagrams at once, and wait at either end for their program's turn: else the
 * sender stands still until then. So many datagrams, or what the path carries in so long.
 */
const SLACK_DATAGRAMS = 4
const SLACK_MS = 3

class Bbr implements Congestion {
  readonly name = 'bbr'
  #datagramBytes: number
  #windowBytes: number
  #phase: Phase = 'startup'
  readonly #bandwidth = new BandwidthFilter()
  #minRttMs = Infinity
  #minRttAtMs = 0
  #probeRttUntilMs = Infinity
  #windowBeforeProbeRttBytes = 0
  /** Rounds: one ends when a packet sent after its beginning is acknowledged. */
  #rounds = 0
  #roundEndsAtBytes = 0
  #phaseFromRound = 0
  #cruiseRounds = CRUISE_ROUNDS_MIN
  /** Of the round that runs. */
  #ackedBytes = 0
  #lostBytes = 0
  /** Lost behind a queue. */
  #queuedLostBytes = 0
  #roundMinRttMs = Infinity
  /** The round before met a queue. */
  #wasQueued = false
  #fullBytesPerMs = 0
  #fullRounds = 0
  /** inflight_hi: what loss has shown to be too much. */
  #boundBytes = Infinity
  /** Lost whatever we do. */
  readonly #foreignLoss = new ForeignLoss()
  /** Rates of packets that left before so much was delivered are those of an outage, not of the path. */
  #soundFromBytes = 0

  constructor(datagramBytes: number, windowBytes: number) {
    this.#datagramBytes = datagramBytes
    this.#windowBytes = windowBytes
  }

  get windowBytes(): number {
    return this.#windowBytes
  }

  get ssthreshBytes(): number {
    return this.#boundBytes
  }

  get phase(): string {
    return this.#phase
  }

  pacingBytesPerMs(srttMs: number | undefined): number {
    const bytesPerMs = this.#bandwidth.bytesPerMs
    const { pacing } = PHASES[this.#phase]
    // As long as it grows the window is a round ahead of the rate, which would hold it back.
    if (this.#isGrowing || bytesPerMs === 0) return srttMs === undefined ? Infinity : pacing * Math.max(bytesPerMs, this.#windowBytes / srttMs)
    return pacing * bytesPerMs / (1 - this.#foreignLoss.atLeast)
  }

  onAcked(sample: AckSample): void {
    this.#ackedBytes += sample.ackedBytes
    this.#roundMinRttMs = Math.min(this.#roundMinRttMs, sample.rttMs)
    this.#measureBandwidth(sample)
    this.#measureRoundTrip(sample)
    if (sample.priorDeliveredBytes >= this.#roundEndsAtBytes) this.#endRound(sample)
    this.#step(sample)
    this.#setWindow(sample.ackedBytes)
  }

  onLost(sample: LossSample): void {
    this.#lostBytes += sample.lostBytes
    if (showsQueue(sample.rttMs, sample.minRttMs)) this.#queuedLostBytes += sample.lostBytes
    if (!sample.isPersistent) return
    this.#windowBytes = WINDOW_DATAGRAMS_MIN * this.#datagramBytes
    this.#bandwidth.forget()
    this.#soundFromBytes = Infinity
    this.#enter('startup')
    this.#fullBytesPerMs = 0
    this.#fullRounds = 0
  }

  onSpurious(): void {
    this.#boundBytes = Infinity
  }

  setDatagramBytes(datagramBytes: number): void {
    this.#datagramBytes = datagramBytes
    this.#windowBytes = Math.max(this.#windowBytes, WINDOW_DATAGRAMS_MIN * datagramBytes)
  }

  /** In STARTUP, and the rate has not been found yet. */
  get #isGrowing(): boolean {
    return this.#phase === 'startup' && this.#fullRounds === 0
  }

  get #bdpBytes(): number {
    return this.#minRttMs === Infinity ? 0 : this.#bandwidth.bytesPerMs * Math.max(ROUND_TRIP_MS_MIN, this.#minRttMs)
  }

  /** What is lost stays in flight, too, until it is noticed. */
  get #slackBytes(): number {
    return Math.max(SLACK_DATAGRAMS * this.#datagramBytes, SLACK_MS * this.#bandwidth.bytesPerMs) + this.#bdpBytes * this.#foreignLoss.atMost
  }

  #measureBandwidth({ bytesPerMs, isAppLimited, priorDeliveredBytes, deliveredBytes }: AckSample): void {
    if (this.#soundFromBytes === Infinity) this.#soundFromBytes = deliveredBytes
    if (priorDeliveredBytes < this.#soundFromBytes) return
    if (!isAppLimited || bytesPerMs > this.#bandwidth.bytesPerMs) this.#bandwidth.add(bytesPerMs)
  }

  /** The least round trip of the last seconds. */
  #measureRoundTrip({ rttMs, nowMs }: AckSample): void {
    if (rttMs <= SAME_RTT_FACTOR * this.#minRttMs) {
      this.#minRttMs = Math.min(this.#minRttMs, rttMs)
      this.#minRttAtMs = nowMs
    }
    if (this.#phase !== 'probe rtt' && nowMs > this.#minRttAtMs + MIN_RTT_OLD_MS) {
      this.#enter('probe rtt')
      this.#minRttMs = rttMs
      this.#minRttAtMs = nowMs
      this.#probeRttUntilMs = nowMs + PROBE_RTT_MS
      this.#windowBeforeProbeRttBytes = this.#windowBytes
    }
  }

  #endRound({ deliveredBytes, isAppLimited, minRttMs }: AckSample): void {
    this.#rounds++
    this.#roundEndsAtBytes = deliveredBytes
    const sentBytes = this.#lostBytes + this.#ackedBytes
    // Even the quickest packet of the round met a queue; one burst that waits behind itself is none.
    const isQueued = showsQueue(this.#roundMinRttMs, minRttMs)
    const isOurLoss = this.#queuedLostBytes / sentBytes > LOSS_BEARABLE + this.#foreignLoss.atMost
    // Lost though nothing queued: that would not stop if we sent less.
    if (!isQueued && this.#phase !== 'startup') this.#foreignLoss.learn((this.#lostBytes - this.#queuedLostBytes) / sentBytes)
    if (this.#phase === 'startup') this.#endStartupRound(isAppLimited, isOurLoss)
    else if (isOurLoss) this.#lowerBound()
    else if (this.#phase === 'probe up') this.#endUpRound(isQueued)
    this.#ackedBytes = 0
    this.#lostBytes = 0
    this.#queuedLostBytes = 0
    this.#roundMinRttMs = Infinity
    this.#wasQueued = isQueued
  }

  #endStartupRound(isAppLimited: boolean, isOurLoss: boolean): void {
    if (isAppLimited) return
    if (this.#bandwidth.bytesPerMs >= FULL_GROWTH * this.#fullBytesPerMs) {
      this.#fullBytesPerMs = this.#bandwidth.bytesPerMs
      this.#fullRounds = 0
    } else this.#fullRounds += isOurLoss ? FULL_ROUNDS : 1
  }

  /** There is room as long as no queue builds; then the bound that loss has set moves up, too. */
  #endUpRound(isQueued: boolean): void {
    if (this.#rounds < this.#phaseFromRound + 2) return
    this.#boundBytes *= UP_BOUND_GROWTH
    if (isQueued || this.#bandwidth.bytesPerMs < UP_GROWTH * this.#fullBytesPerMs) this.#enter('probe down')
    this.#fullBytesPerMs = this.#bandwidth.bytesPerMs
  }

  #lowerBound(): void {
    const flightBytes = Math.min(this.#boundBytes, PHASES[this.#phase].window * this.#bdpBytes)
    this.#boundBytes = Math.max(BOUND_FACTOR * flightBytes, this.#bdpBytes + this.#slackBytes)
    if (this.#phase === 'probe up') this.#enter('probe down')
  }

  #step(sample: AckSample): void {
    const rounds = this.#rounds - this.#phaseFromRound
    switch (this.#phase) {
      case 'startup':
        if (this.#fullRounds >= FULL_ROUNDS) this.#enter('drain')
        return
      case 'drain':
        if (sample.flightBytes <= this.#bdpBytes) this.#enter('probe down')
        return
      case 'probe down':
        if (rounds >= 2 && sample.flightBytes <= this.#bdpBytes + this.#slackBytes) this.#enter('probe cruise')
        return
      case 'probe cruise':
        if (rounds >= this.#cruiseRounds) this.#enter('probe up')
        return
      case 'probe up': return
      case 'probe rtt':
        if (sample.nowMs >= this.#probeRttUntilMs) this.#leaveProbeRtt()
        return
    }
  }

  /** Who has had little to send has not found the rate yet: it goes on looking, with the window that it had. */
  #leaveProbeRtt(): void {
    if (this.#fullRounds >= FULL_ROUNDS) return this.#enter('probe down')
    this.#enter('startup')
    this.#windowBytes = Math.max(this.#windowBytes, this.#windowBeforeProbeRttBytes)
  }

  #enter(phase: Phase): void {
    this.#phase = phase
    this.#phaseFromRound = this.#rounds
    if (phase === 'probe cruise') this.#cruiseRounds = CRUISE_ROUNDS_MIN + this.#rounds % (CRUISE_ROUNDS_MORE + 1)
    if (phase === 'probe down') this.#bandwidth.nextCycle()
    if (phase === 'probe up') this.#fullBytesPerMs = this.#bandwidth.bytesPerMs
  }

  #setWindow(ackedBytes: number): void {
    const leastBytes = WINDOW_DATAGRAMS_MIN * this.#datagramBytes
    const slackBytes = this.#slackBytes
    const boundBytes = this.#phase === 'probe cruise' ? Math.max(HEADROOM * this.#boundBytes, this.#bdpBytes + slackBytes) : this.#boundBytes
    const gain = this.#isGrowing && !this.#wasQueued ? GROWING_WINDOW_GAIN : PHASES[this.#phase].window
    // The first flight's rate is known when its end arrives (the draft: C.delivered < C.InitialCwnd).
    const targetBytes = this.#rounds === 1 ? Infinity : Math.min(boundBytes, gain * this.#bdpBytes + slackBytes)
    if (this.#isGrowing) this.#windowBytes = Math.max(this.#windowBytes, Math.min(this.#windowBytes + ackedBytes, targetBytes))
    else this.#windowBytes = Math.min(targetBytes, this.#windowBytes + ackedBytes)
    this.#windowBytes = Math.max(leastBytes, this.#windowBytes)
  }
}

/** A round trip so much above the least is that of a packet that met a queue. */
function showsQueue(rttMs: number, minRttMs: number): boolean {
  return rttMs > Math.max(QUEUE_FACTOR * minRttMs, minRttMs + QUEUE_MS_MIN)
}
