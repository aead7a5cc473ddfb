/**
 * How fast the path delivers: draft-cheng-iccrg-delivery-rate-estimation. Each packet remembers how much had been delivered when it
 * was sent; when it is acknowledged, what was delivered since, over the longer of the times that sending and acknowledging took, is
 * one sample. Samples from a sender that had nothing to send say only that the path is at least so fast.
 */

/** What a packet remembers of the moment when it was sent. */
export interface SendMoment {
  readonly deliveredBytes: number
  readonly deliveredAtMs: number
  /** When the first packet of the flight that it belongs to was sent. */
  readonly flightSentAtMs: number
  readonly isAppLimited: boolean
}

export interface RateSample {
  /** Bytes per ms; 0 where the time was too short to tell. */
  readonly bytesPerMs: number
  readonly isAppLimited: boolean
  /** What had been delivered when the newest packet of this acknowledgement was sent. */
  readonly priorDeliveredBytes: number
}

export class DeliveryRate {
  #deliveredBytes = 0
  #deliveredAtMs = 0
  #flightSentAtMs = 0
  /** As long as not more than this is delivered, what is sent is limited by the application: so is what leaves first after a rest. */
  #appLimitedUntilBytes = -1

  /** Delivered so far, in bytes of datagrams. */
  get deliveredBytes(): number {
    return this.#deliveredBytes
  }

  /** To be noted in each packet. @param flightBytes before it */
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

  /** There was nothing more to send though there was room. */
  limitedByApplication(flightBytes: number): void {
    this.#appLimitedUntilBytes = this.#deliveredBytes + flightBytes
  }

  /**
   * Packets arrived.
   * @param newest the last one sent of them
   * @param minRttMs shorter times tell more of the acknowledgements' bunching than of the path
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
