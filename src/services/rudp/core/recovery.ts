/**
 * Loss recovery and congestion control (RFC 9002), put together from round-trip estimation, loss detection, delivery
 * rate, congestion controller and pacer. This file decides when something may leave, and what acknowledgments and time
 * mean; sender.ts decides what leaves.
 */
import type { Frame } from '../wire/frames.ts'
import type { Congestion, CongestionName } from './congestion/congestion.ts'
import { CONTROLLERS } from './congestion/controllers.ts'
import { DeliveryRate } from './delivery-rate.ts'
import { INITIAL_WINDOW_DATAGRAMS } from './limits.ts'
import { flightOf, LossDetector, type LossAction, type SentPacket, type AckResult } from './loss.ts'
import { Pacer } from './pacer.ts'
import { RoundTrip } from './rtt.ts'

/** What prevents a packet from being sent. */
export type Hold = 'none' | 'window' | 'pacing'

/** What a packet carries, as far as loss recovery needs to know. */
export type Carried = Pick<SentPacket, 'streamId' | 'offset' | 'lengthBytes' | 'fin' | 'control' | 'isMtuProbe' | 'isRepeat'>

export class Recovery {
  readonly roundTrip = new RoundTrip()
  readonly loss = new LossDetector(this.roundTrip)
  readonly #rate = new DeliveryRate()
  #pacer: Pacer
  #congestion: Congestion
  #datagramBytes: number
  /** Window or pacing have held something back since the sender last ran out of data. */
  #isHeldBack = false
  /**
   * The latest congestion event: losses from this packet number on belong to it, and this many of them have not arrived
   * after all.
   */
  #event = { fromNumber: 0, missing: 0 }
  /**
   * For persistent congestion: when the first packet of the current run of consecutive losses was sent; Infinity if
   * there is no such run.
   */
  #lostFromMs = Infinity
  /** The last packet sent before the first round-trip sample: a run may begin only after it. */
  #unmeasuredNumber = -1

  constructor(congestion: CongestionName, datagramBytes: number) {
    this.#datagramBytes = datagramBytes
    this.#congestion = CONTROLLERS[congestion](datagramBytes, INITIAL_WINDOW_DATAGRAMS * datagramBytes)
    this.#pacer = new Pacer(datagramBytes)
  }

  get congestion(): Congestion {
    return this.#congestion
  }

  get pacingBytesPerMs(): number {
    return this.#congestion.pacingBytesPerMs(this.roundTrip.srttMs)
  }

  /** Switches the controller; the new one takes over the window and the threshold. */
  setCongestion(name: CongestionName): void {
    const { windowBytes, ssthreshBytes } = this.#congestion
    this.#congestion = CONTROLLERS[name](this.#datagramBytes, windowBytes, ssthreshBytes)
  }

  setDatagramBytes(datagramBytes: number): void {
    this.#datagramBytes = datagramBytes
    this.#congestion.setDatagramBytes(datagramBytes)
  }

  /** The path has changed: what was measured says nothing about the new one (RFC 9000 §9.4). */
  restart(datagramBytes: number): void {
    this.roundTrip.restart()
    this.loss.forgetPath()
    this.#datagramBytes = datagramBytes
    this.#congestion = CONTROLLERS[this.#congestion.name](datagramBytes, INITIAL_WINDOW_DATAGRAMS * datagramBytes)
    this.#pacer = new Pacer(datagramBytes)
  }

  /** What prevents a full datagram from being sent now. */
  hold(nowMs: number): Hold {
    const hold = this.#holdNow(nowMs)
    if (hold !== 'none') this.#isHeldBack = true
    return hold
  }

  #holdNow(nowMs: number): Hold {
    const { flightBytes } = this.loss
    if (flightBytes > 0 && flightBytes + this.#datagramBytes > this.#congestion.windowBytes) return 'window'
    const mayLeave = this.#pacer.mayLeave(this.pacingBytesPerMs, this.#datagramBytes, this.roundTrip.srttMs ?? 0, nowMs)
    // Otherwise our own lateness would be measured as the rate of the path, and lead to slower pacing.
    if (this.#pacer.takeLateness()) this.#rate.limitedByApplication(flightBytes)
    return mayLeave ? 'none' : 'pacing'
  }

  /** When pacing allows the next packets. */
  pacedAtMs(): number {
    return this.#pacer.nextAtMs(this.pacingBytesPerMs, this.#datagramBytes)
  }

  sent(number: number, sizeBytes: number, carried: Carried, nowMs: number): void {
    const { deliveredBytes, deliveredAtMs, flightSentAtMs, isAppLimited } = this.#rate.moment(this.loss.flightBytes, nowMs)
    const { streamId, offset, lengthBytes, fin, control, isMtuProbe, isRepeat } = carried
    this.#pacer.sent(flightOf({ isMtuProbe, sizeBytes }))
    if (this.roundTrip.srttMs === undefined) this.#unmeasuredNumber = number
    // Field by field: an object spread would cost as much per packet as everything else here.
    this.loss.sent({ number, sentAtMs: nowMs, sizeBytes, streamId, offset, lengthBytes, fin, control, isMtuProbe, isRepeat, deliveredBytes, deliveredAtMs, flightSentAtMs, isAppLimited })
  }

  /** There was room in the window but nothing to fill it. */
  limitedByApplication(nowMs: number): void {
    this.#isHeldBack = false
    this.#rate.limitedByApplication(this.loss.flightBytes)
    this.loss.tailSent(nowMs)
  }

  onAck({ ranges, delayMs }: Extract<Frame, { kind: 'ACK' }>, nowMs: number): AckResult {
    const result = this.loss.acknowledge(ranges, delayMs, nowMs)
    const { acked, lost, late } = result
    const newest = acked[acked.length - 1]
    if (newest !== undefined) this.#lostFromMs = Infinity
    this.#onLost(lost, acked, nowMs)
    this.#onLate(late)
    if (newest === undefined) return result
    const { srttMs = 0, latestMs, minMs } = this.roundTrip
    const ackedBytes = acked.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const { bytesPerMs, isAppLimited, priorDeliveredBytes } = this.#rate.delivered(ackedBytes, newest, minMs, nowMs)
    this.#congestion.onAcked({
      bytesPerMs, isAppLimited, priorDeliveredBytes, nowMs, ackedBytes, flightBytes: this.loss.flightBytes, newestSentAtMs: newest.sentAtMs, rttMs: latestMs, srttMs, minRttMs: minMs,
      deliveredBytes: this.#rate.deliveredBytes, isHeldBack: this.#isHeldBack,
    })
    return result
  }

  deadlineMs(): number {
    return this.loss.deadlineMs()
  }

  /** The deadline has passed. @returns what to do, and what has been lost by now */
  onDeadline(nowMs: number): { readonly action: LossAction; readonly lost: readonly SentPacket[] } {
    const action = this.loss.onDeadline(nowMs)
    const lost = action === 'detect' ? this.loss.detectLost(nowMs) : []
    this.#onLost(lost, NONE, nowMs)
    return { action, lost }
  }

  #onLost(all: readonly SentPacket[], acked: readonly SentPacket[], nowMs: number): void {
    if (all.length === 0) return
    const lost = all.filter(({ isMtuProbe }) => !isMtuProbe)
    const [oldest, newest] = [lost[0], lost[lost.length - 1]]
    if (oldest === undefined || newest === undefined) return
    const lostBytes = lost.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const isPersistent = this.#lostForMs(lost, acked) >= this.roundTrip.persistentMs()
    const windowBytes = this.#congestion.windowBytes
    this.#congestion.onLost({
      nowMs, lostBytes, newestSentAtMs: newest.sentAtMs, rttMs: this.roundTrip.latestMs, minRttMs: this.roundTrip.minMs, isPersistent,
    })
    if (isPersistent) this.#event = { fromNumber: newest.number + 1, missing: 0 }
    else if (this.#congestion.windowBytes < windowBytes) this.#event = { fromNumber: oldest.number, missing: lost.length }
    else this.#event.missing += lost.length
  }

  /**
   * The longest span of time over which packets were sent and none arrived, counted from the first round-trip sample
   * (RFC 9002 §7.6.2).
   */
  #lostForMs(lost: readonly SentPacket[], acked: readonly SentPacket[]): number {
    let longestMs = 0
    let passed = 0
    for (const { number, sentAtMs } of lost) {
      const before = passed
      while ((acked[passed]?.number ?? Infinity) < number) passed++
      if (passed > before) this.#lostFromMs = Infinity
      if (number > this.#unmeasuredNumber) this.#lostFromMs = Math.min(this.#lostFromMs, sentAtMs)
      longestMs = Math.max(longestMs, sentAtMs - this.#lostFromMs)
    }
    return longestMs
  }

  /** If all losses of a congestion event turn out spurious, the event is undone. */
  #onLate(late: readonly SentPacket[]): void {
    const { fromNumber } = this.#event
    const arrived = late.filter(({ number, isMtuProbe }) => number >= fromNumber && !isMtuProbe).length
    this.#event.missing -= arrived
    if (arrived > 0 && this.#event.missing === 0) this.#congestion.onSpurious()
  }
}

const NONE: readonly SentPacket[] = []
