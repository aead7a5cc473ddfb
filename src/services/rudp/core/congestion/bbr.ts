/**
 * BBR models the path instead of waiting for loss (Cardwell et al., "BBR: Congestion-Based Congestion Control", 2016;
 * the names are those of draft-ietf-ccwg-bbr). It measures the rate of the bottleneck and the minimum round trip. Their
 * product, the bandwidth-delay product (BDP), is what the path holds without a queue. It sends at that rate, and probes
 * now and then for more.
 *
 *     STARTUP ─ rate no longer grows ─▶ DRAIN ─ queue is empty ─▶ PROBE_DOWN ─▶ PROBE_CRUISE ─▶ PROBE_UP ─┐
 *                                                                     ▲                                   │
 *                                                                     └─────── a queue builds, or loss ───┘
 *
 * Two things are Hamlet's own (docs/decisions/congestion-control.md). First, loss limits the flight only if the packets
 * behind it took longer than the minimum round trip, which shows a queue; otherwise the radio lost them, not
 * congestion. Second, loss that occurs in nearly every round without a queue is made up for by sending that much
 * faster.
 */
import type { AckSample, Congestion, CongestionFactory, LossSample } from './congestion.ts'
import { BandwidthFilter } from './bandwidth-filter.ts'
import { NonCongestionLoss } from './non-congestion-loss.ts'

export const bbr: CongestionFactory = (datagramBytes, windowBytes) => new Bbr(datagramBytes, windowBytes)

/** Gains: pacing is a multiple of the rate, the window a multiple of the BDP. */
const PHASES = {
  'startup': { pacing: 2.77, window: 2 },
  'drain': { pacing: 0.35, window: 2 },
  'probe down': { pacing: 0.95, window: 1 },
  'probe cruise': { pacing: 1, window: 2 },
  'probe up': { pacing: 1.25, window: 2.25 },
  'probe rtt': { pacing: 1, window: 0.5 },
} as const
type Phase = keyof typeof PHASES

/** STARTUP ends after this many rounds in which the rate grew by less than a quarter. */
const FULL_ROUNDS = 3
const FULL_GROWTH = 1.25
/**
 * The window gain in STARTUP while the rate grows and nothing queues. A gain of 2 would not double it in a round,
 * because the rate that it multiplies is a round old.
 */
const GROWING_WINDOW_GAIN = 2.2
/**
 * The length of CRUISE in rounds: a minimum, and up to so many on top. The number of the round decides, so that flows
 * do not all probe at once.
 */
const CRUISE_ROUNDS_MIN = 6
const CRUISE_ROUNDS_MORE = 4
/** A round trip this much above the minimum shows a queue. */
const QUEUE_FACTOR = 1.1
const QUEUE_MS_MIN = 1.5
/**
 * Loss behind a queue is taken for congestion if it exceeds this fraction of a round, plus what is lost without a queue
 * anyway.
 */
const LOSS_TOLERATED = 0.02
/** The factor by which a round with too much loss lowers the bound; and how much of the bound CRUISE uses. */
const BOUND_FACTOR = 0.7
const HEADROOM = 0.85
/** PROBE_UP continues while the rate grows by this factor a round; each of its rounds raises the bound. */
const UP_GROWTH = 1.1
const UP_BOUND_GROWTH = 1.25
/** The age at which the minimum round trip is remeasured. */
const MIN_RTT_OLD_MS = 5_000
/** A round trip this close to the minimum confirms it, and no measurement is needed. */
const SAME_RTT_FACTOR = 1.03
/** How long measuring it takes. */
const PROBE_RTT_MS = 100
const WINDOW_DATAGRAMS_MIN = 4
/**
 * The shortest round trip that the BDP is computed with. Between programs on one machine or in one room, a packet waits
 * longer for its program to be scheduled than it travels. A window for the travel time alone would run empty while one
 * of them waits.
 */
const ROUND_TRIP_MS_MIN = 2
/**
 * Added to the BDP, because acknowledgments cover several datagrams at once, and wait at either end until the program
 * is scheduled; without it the sender would stall until then. This many datagrams, or what the path carries in this
 * time.
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
  /** In the current round. */
  #ackedBytes = 0
  #lostBytes = 0
  /** Of the lost bytes, those lost behind a queue. */
  #queuedLostBytes = 0
  #roundMinRttMs = Infinity
  /** The previous round met a queue. */
  #wasQueued = false
  #fullBytesPerMs = 0
  #fullRounds = 0
  /** inflight_hi: the flight that loss has shown to be too much. */
  #boundBytes = Infinity
  /** What is lost whatever we do. */
  readonly #nonCongestionLoss = new NonCongestionLoss()
  /** Samples from packets sent before this much was delivered measure an outage, not the path. */
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
    // While it grows, the window is a round ahead of the rate, which would hold it back.
    if (this.#isGrowing || bytesPerMs === 0) return srttMs === undefined ? Infinity : pacing * Math.max(bytesPerMs, this.#windowBytes / srttMs)
    return pacing * bytesPerMs / (1 - this.#nonCongestionLoss.atLeast)
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

  /** In STARTUP, with the rate not found yet. */
  get #isGrowing(): boolean {
    return this.#phase === 'startup' && this.#fullRounds === 0
  }

  get #bdpBytes(): number {
    return this.#minRttMs === Infinity ? 0 : this.#bandwidth.bytesPerMs * Math.max(ROUND_TRIP_MS_MIN, this.#minRttMs)
  }

  /** What is lost also stays in flight until the loss is detected. */
  get #slackBytes(): number {
    return Math.max(SLACK_DATAGRAMS * this.#datagramBytes, SLACK_MS * this.#bandwidth.bytesPerMs) + this.#bdpBytes * this.#nonCongestionLoss.atMost
  }

  #measureBandwidth({ bytesPerMs, isAppLimited, priorDeliveredBytes, deliveredBytes }: AckSample): void {
    if (this.#soundFromBytes === Infinity) this.#soundFromBytes = deliveredBytes
    if (priorDeliveredBytes < this.#soundFromBytes) return
    if (!isAppLimited || bytesPerMs > this.#bandwidth.bytesPerMs) this.#bandwidth.add(bytesPerMs)
  }

  /** Tracks the minimum round trip of the last seconds. */
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
    // Even the fastest packet of the round met a queue. A single burst that queues behind itself does not count.
    const isQueued = showsQueue(this.#roundMinRttMs, minRttMs)
    const isOurLoss = this.#queuedLostBytes / sentBytes > LOSS_TOLERATED + this.#nonCongestionLoss.atMost
    // Lost although nothing queued: sending less would not change that.
    if (!isQueued && this.#phase !== 'startup') this.#nonCongestionLoss.addRound((this.#lostBytes - this.#queuedLostBytes) / sentBytes)
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

  /** There is room while no queue builds; then the bound set by loss moves up, too. */
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

  /**
   * A sender that has had little to send has not found the rate yet: it continues to search, with the window that it
   * had.
   */
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
    // The rate of the first flight is known only when its end arrives (in the draft: C.delivered < C.InitialCwnd).
    const targetBytes = this.#rounds === 1 ? Infinity : Math.min(boundBytes, gain * this.#bdpBytes + slackBytes)
    if (this.#isGrowing) this.#windowBytes = Math.max(this.#windowBytes, Math.min(this.#windowBytes + ackedBytes, targetBytes))
    else this.#windowBytes = Math.min(targetBytes, this.#windowBytes + ackedBytes)
    this.#windowBytes = Math.max(leastBytes, this.#windowBytes)
  }
}

/** Whether a packet with this round trip met a queue. */
function showsQueue(rttMs: number, minRttMs: number): boolean {
  return rttMs > Math.max(QUEUE_FACTOR * minRttMs, minRttMs + QUEUE_MS_MIN)
}
