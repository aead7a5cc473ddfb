/**
 * A protocol as a machine without I/O. It is told what happened (bytes came, time passed, a user's verb) and leaves in its
 * outbox what shall happen. A driver (node/drive.ts) does that with real sockets, disk and clock; a test does it with none.
 */
import type { Path } from './endpoint.ts'

export type Effect<Event, Journaled = never> =
  /** Send these bytes, cut into datagrams of `segmentBytes` where that is there. They belong to the driver until it says `sent`. */
  | { readonly kind: 'send'; readonly path: Path; readonly bytes: Uint8Array; readonly segmentBytes?: number }
  /** Write the record to disk, and only when it is safe there do what follows: nothing is promised that a crash could undo. */
  | { readonly kind: 'persist'; readonly record: Journaled; readonly then: readonly Effect<Event>[] }
  | { readonly kind: 'event'; readonly event: Event }

export interface Machine<Event, Journaled = never> {
  /** One datagram. `bytes` is only lent: valid until the call returns. */
  receive(bytes: Uint8Array, path: Path, nowMs: number): void
  /** The time `deadlineMs` has come, or is past. */
  timeout(nowMs: number): void
  /** When `timeout` wants to be called, on the clock of `nowMs`; Infinity: nothing to wait for. */
  deadlineMs(): number
  /**
   * All inputs of a batch were taken: what is better done once for all of them than for each. Called before the outbox is drained.
   * @returns whether it is to be called again when that is done
   */
  settle?(nowMs: number): boolean
  /** All bytes that were in the outbox are with the network: their memory may be used again. A driver that keeps bytes does not say so. */
  sent?(): void
  /** What shall happen, in order. The driver takes all of it after each input. */
  readonly outbox: Effect<Event, Journaled>[]
}
