/**
 * Delivery rate estimation (draft-cheng-iccrg-delivery-rate-estimation). Each packet records how much had been
 * delivered when it was sent. When it is acknowledged, what has been delivered since, divided by the longer of the
 * times that sending and acknowledging took, is one sample. If the sender had run out of data, the sample is only a
 * lower bound.
 */

/** What a packet records about the moment when it was sent. */
export interface SendMoment {
  readonly deliveredBytes: number
  readonly deliveredAtMs: number
  /** When the first packet of its flight was sent. */
  readonly flightSentAtMs: number
  readonly isAppLimited: boolean
}

export interface RateSample {
  /** Bytes per ms; 0 if the interval was too short to measure. */
  readonly bytesPerMs: number
  readonly isAppLimited: boolean
  /** How much had been delivered when the newest of the acknowledged packets was sent. */
  readonly priorDeliveredBytes: number
}

export class DeliveryRate {
  #deliveredBytes = 0
  #deliveredAtMs = 0
  #flightSentAtMs = 0
  /**
   * Until more than this has been delivered, samples are application-limited. That includes the first packets after a
   * pause.
   */
  #appLimitedUntilBytes = -1

  /** Bytes of datagrams delivered so far. */
  get deliveredBytes(): number {
    return this.#deliveredBytes
  }

  /** The record for a packet that is sent now. @param flightBytes in flight before it */
  moment(flightBytes: number, nowMs: number): SendMoment {
    if (flightBytes === 0) {
      this.#deliveredAtMs = nowMs
      this.#flightSentAtMs = nowMs
    }
    return {
      deliveredBytes: this.#deliveredBytes, deliveredAtMs: this.#deliveredAtMs, flightSentAtMs: this.#flightSentAtMs,
      isAppLimited: this.#deliveredBytes <= this.#appLimitedUntilBytes,
    }
  }

  /** There was room but nothing more to send. */
  limitedByApplication(flightBytes: number): void {
    this.#appLimitedUntilBytes = this.#deliveredBytes + flightBytes
  }

  /**
   * Packets were acknowledged.
   * @param newest the last one sent of them
   * @param minRttMs a shorter interval says more about the bunching of acknowledgments than about the path
   */
  delivered(bytes: number, newest: SendMoment & { readonly sentAtMs: number }, minRttMs: number, nowMs: number): RateSample {
    this.#deliveredBytes += bytes
    this.#deliveredAtMs = nowMs
    this.#flightSentAtMs = newest.sentAtMs
    const tookMs = Math.max(newest.sentAtMs - newest.flightSentAtMs, nowMs - newest.deliveredAtMs)
    const isSound = tookMs >= minRttMs && tookMs > 0
    return {
      bytesPerMs: isSound ? (this.#deliveredBytes - newest.deliveredBytes) / tookMs : 0, isAppLimited: newest.isAppLimited,
      priorDeliveredBytes: newest.deliveredBytes,
    }
  }
}
