/**
 * Path validation (RFC 9000 §8.2 and §9). When a peer's packets come from a new address (a phone that changed networks,
 * a NAT that forgot its mapping), the peer is answered there at once, but with at most three times what it sent until
 * it proves that it is there. Otherwise a forged address could turn our packets on a third party. Without proof, the
 * old address stays.
 *
 *     validated ── newest packet from elsewhere ──▶ being tried ── PATH_RESPONSE ──▶ validated
 *         ▲                                             │
 *         └────── silence, or the old address again ────┘
 */
import type { Path } from '../../kit/endpoint.ts'
import { uint52, type Random } from '../../kit/random.ts'
import { AMPLIFICATION_MAX } from './limits.ts'

/** How often a challenge is sent before the new address is given up. */
const TRIES = 3

export class PathValidation {
  /** Where packets are sent. */
  path: Path
  #validated: Path
  readonly #random: Random
  /** The challenge to the address being tried; undefined if the current address is validated. */
  #challenge: number | undefined
  #receivedBytes = 0
  #sentBytes = 0
  #tries = 0
  #deadlineMs = Infinity

  /**
   * @param path where the peer is, as its token proved
   * @param random draws challenges; must be unpredictable
   */
  constructor(path: Path, random: Random) {
    this.path = path
    this.#validated = path
    this.#random = random
  }

  /** The number of bytes that may be sent now. */
  get budgetBytes(): number {
    return this.#challenge === undefined ? Infinity : AMPLIFICATION_MAX * this.#receivedBytes - this.#sentBytes
  }

  get deadlineMs(): number {
    return this.#deadlineMs
  }

  sent(sizeBytes: number): void {
    this.#sentBytes += sizeBytes
  }

  /**
   * A packet of the connection arrived.
   * @param isNewest no packet with a higher number arrived before; a delayed one does not move the connection
   * @returns whether the address of the peer has changed
   */
  onPacket(path: Path, isNewest: boolean, sizeBytes: number): boolean {
    if (isSamePeer(path, this.path)) {
      this.#receivedBytes += sizeBytes
      return false
    }
    if (!isNewest) return false
    this.path = path
    if (isSamePeer(path, this.#validated)) {
      this.#settle(path)
      return true
    }
    this.#challenge = uint52(this.#random)
    this.#receivedBytes = sizeBytes
    this.#sentBytes = 0
    this.#tries = 0
    this.#deadlineMs = -Infinity
    return true
  }

  /**
   * The deadline has passed.
   * @returns the challenge to send, `revert` if the new address was given up, or undefined if there is nothing to do
   */
  onDeadline(probeMs: number, nowMs: number): number | 'revert' | undefined {
    if (nowMs < this.#deadlineMs) return undefined
    if (this.#tries++ < TRIES) {
      this.#deadlineMs = nowMs + probeMs
      return this.#challenge
    }
    this.path = this.#validated
    this.#settle(this.#validated)
    return 'revert'
  }

  /** @returns whether the response validates the address */
  onResponse(value: number): boolean {
    if (this.#challenge === undefined || value !== this.#challenge) return false
    this.#settle(this.path)
    return true
  }

  #settle(validated: Path): void {
    this.#validated = validated
    this.#challenge = undefined
    this.#deadlineMs = Infinity
  }
}

/**
 * Whether both paths lead to the same peer. The local address is not compared, because a wildcard socket does not
 * report it.
 */
export function isSamePeer(one: Path, other: Path): boolean {
  return one === other || (one.peer.port === other.peer.port && one.peer.address === other.peer.address)
}
