/**
 * A protocol as a state machine without I/O. It is told what happened (a datagram arrived, a deadline passed, a method was called) and
 * puts the effects it wants into its outbox. A driver (node/drive.ts) performs them with real sockets, disk and clock; a test needs none.
 */
import type { Path } from './endpoint.ts'

export type Effect<Event, Journaled = never> =
  /** Send these bytes; with `segmentBytes`, as a train of datagrams of that size. They belong to the driver until it calls `sent`. */
  | { readonly kind: 'send'; readonly path: Path; readonly bytes: Uint8Array; readonly segmentBytes?: number }
  /** Write the record to disk, and perform the effects in `then` only once it is durable: nothing is promised that a crash could undo. */
  | { readonly kind: 'persist'; readonly record: Journaled; readonly then: readonly Effect<Event>[] }
  | { readonly kind: 'event'; readonly event: Event }

export interface Machine<Event, Journaled = never> {
  /** Takes one datagram. `bytes` is borrowed: valid only until the call returns. */
  receive(bytes: Uint8Array, path: Path, nowMs: number): void
  /** Called when the time `deadlineMs` has come or passed. */
  timeout(nowMs: number): void
  /** When `timeout` should be called, on the same clock as `nowMs`; Infinity if there is nothing to wait for. */
  deadlineMs(): number
  /**
   * Called when all inputs of a batch have been taken, before the outbox is drained: for work that is done once per batch.
   * @returns whether to call it again after draining
   */
  settle?(nowMs: number): boolean
  /** All bytes from the outbox have been handed to the network, and their memory may be reused. Not called by a driver that keeps the bytes. */
  sent?(): void
  /** The effects to perform, in order. The driver takes all of them after each input. */
  readonly outbox: Effect<Event, Journaled>[]
}
