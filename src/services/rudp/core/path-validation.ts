/**
 * Whose address a connection's packets go to: RFC 9000 §8.2 and §9. A peer that comes from another address (a phone that changed
 * networks, a NAT that forgot) is answered there at once, but with at most three times what it sent until it has shown that it
 * is there; else a forged address would turn our answers on a third party. If it does not show that, the old address stays.
 *
 *     proven ── newest packet from elsewhere ──▶ tried ── PATH_RESPONSE ──▶ proven
 *        ▲                                         │
 *        └──── silence, or the old address again ──┘
 */
import type { Path } from '../../kit/endpoint.ts'
import { uint52, type Random } from '../../kit/random.ts'
import { AMPLIFICATION_MAX } from './limits.ts'

/** How often a challenge is sent before the new address is given up. */
const TRIES = 3

export class PathValidation {
  /** Where packets go. */
  path: Path
  #proven: Path
  readonly #random: Random
  /** Asked of the address that is tried; undefined: the one that is used is proven. */
  #challenge: number | undefined
  #receivedBytes = 0
  #sentBytes = 0
  #tries = 0
  #deadlineMs = Infinity

  /** @param path where the peer is, as its token showed. @param random draws challenges: has to be unforeseeable */
  constructor(path: Path, random: Random) {
    this.path = path
    this.#proven = path
    this.#random = random
  }

  /** Bytes that may be sent now. */
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
   * A packet of the connection came.
   * @param isNewest no packet of a higher number came before: an old one that wandered changes nothing
   * @returns whether the peer's address is another one now
   */
  cameBy(path: Path, isNewest: boolean, sizeBytes: number): boolean {
    if (isSamePeer(path, this.path)) {
      this.#receivedBytes += sizeBytes
      return false
    }
    if (!isNewest) return false
    this.path = path
    if (isSamePeer(path, this.#proven)) {
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

  /** The deadline has come. @returns the challenge to send, `back`: the new address is given up, or undefined: nothing is to be done */
  onDeadline(probeMs: number, nowMs: number): number | 'back' | undefined {
    if (nowMs < this.#deadlineMs) return undefined
    if (this.#tries++ < TRIES) {
      this.#deadlineMs = nowMs + probeMs
      return this.#challenge
    }
    this.path = this.#proven
    this.#settle(this.#proven)
    return 'back'
  }

  /** @returns whether the response proves the address */
  onResponse(value: number): boolean {
    if (this.#challenge === undefined || value !== this.#challenge) return false
    this.#settle(this.path)
    return true
  }

  #settle(proven: Path): void {
    this.#proven = proven
    this.#challenge = undefined
    this.#deadlineMs = Infinity
  }
}

/** The same peer; the local end is not compared, since a wildcard socket does not tell it. */
export function isSamePeer(one: Path, other: Path): boolean {
  return one === other || (one.peer.port === other.peer.port && one.peer.address === other.peer.address)
}
