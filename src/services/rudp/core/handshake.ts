/**
 * When the handshake is tried again and when given up, and how much may be sent to an address that has not yet shown that it
 * is where it says (RFC 9000 §8.1): else a small SYN with a forged address would make us flood a third party.
 */
import { AMPLIFICATION_MAX } from './limits.ts'
import { FIRST_RTO_MS } from './rtt.ts'

const RETRY_MAX_MS = 1_000

export class Handshake {
  #giveUpAtMs = Infinity
  #retryAtMs = Infinity
  #tries = 0
  #sentBytes = 0
  #receivedBytes = 0

  get giveUpAtMs(): number {
    return this.#giveUpAtMs
  }

  get retryAtMs(): number {
    return this.#retryAtMs
  }

  start(giveUpAtMs: number): void {
    this.#giveUpAtMs = giveUpAtMs
  }

  /** Established: nothing is tried again. */
  finish(): void {
    this.#giveUpAtMs = Infinity
    this.#retryAtMs = Infinity
  }

  heard(sizeBytes: number): void {
    this.#receivedBytes += sizeBytes
  }

  /** Whether an answer of this size keeps within three times what came. */
  mayAnswer(sizeBytes: number): boolean {
    return this.#sentBytes + sizeBytes <= AMPLIFICATION_MAX * this.#receivedBytes
  }

  sent(sizeBytes: number): void {
    this.#sentBytes += sizeBytes
  }

  /** A try was due: the next follows after 250 ms, 500 ms, and then every second. */
  tried(nowMs: number): void {
    this.#retryAtMs = nowMs + Math.min(RETRY_MAX_MS, FIRST_RTO_MS * 2 ** this.#tries++)
  }
}
