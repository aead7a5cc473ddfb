/** Runs a machine: drains its outbox after each input, syncs the disk before it sends, and wakes the machine at its deadline. */
import { assertNever } from '../errors.ts'
import type { Effect, Machine } from '../machine.ts'
import type { Clock } from './clock.ts'
import type { Journal } from './journal.ts'
import type { DatagramBatch, DatagramDoor } from './udp/door.ts'

export interface Driver {
  /** The receiver for the door: `take`, then `drain`. */
  receive(batch: DatagramBatch): void
  /** Passes the datagrams to the machine and performs the effects so far. `drain` must follow. */
  take(batch: DatagramBatch): void
  /** Call after calling a method of the machine. */
  drain(): void
  /** Stops performing effects and waking the machine. */
  stop(): void
}

export interface DriveOptions<Event, Journaled> {
  readonly machine: Machine<Event, Journaled>
  /** A function, so that the door can be opened with the driver's `receive`. */
  readonly door: () => Pick<DatagramDoor, 'send' | 'sendTrain' | 'flush'>
  readonly clock: Clock
  readonly onEvent: (event: Event) => void
  /** Required if the machine persists records. */
  readonly journal?: Journal<Journaled>
  /** Called when a record could not be persisted; the effects that depend on it are not performed. */
  readonly onDiskError?: (error: Error) => void
}

export function drive<Event, Journaled>(options: DriveOptions<Event, Journaled>): Driver {
  const { machine, clock, journal } = options
  let stopped = false
  let flushIsDue = false

  /** A group of records becomes durable at once, so the effects of all of them leave together. */
  const flushSoon = (): void => {
    if (flushIsDue) return
    flushIsDue = true
    queueMicrotask(() => {
      flushIsDue = false
      if (!stopped) options.door().flush()
    })
  }

  const perform = (effect: Effect<Event, Journaled>): void => {
    switch (effect.kind) {
      case 'send':
        if (effect.segmentBytes === undefined) options.door().send(effect.path, effect.bytes)
        else options.door().sendTrain(effect.path, effect.bytes, effect.segmentBytes)
        return
      case 'event': return options.onEvent(effect.event)
      case 'persist': {
        const { record, then } = effect
        journal?.append(record, error => {
          if (stopped) return
          if (error !== undefined) return options.onDiskError?.(error)
          then.forEach(perform)
          flushSoon()
        })
        return
      }
      default: assertNever(effect)
    }
  }

  const performAll = (): void => {
    for (const effect of machine.outbox.splice(0)) perform(effect)
  }

  const drain = (): void => {
    if (stopped) return
    for (let hasMore = true; hasMore;) {
      hasMore = machine.settle?.(clock.nowMs()) ?? false
      performAll()
      if (options.door().flush()) machine.sent?.()
    }
    alarm.ringBy(machine.deadlineMs())
  }
  const alarm = new Alarm(clock, nowMs => {
    if (nowMs >= machine.deadlineMs()) machine.timeout(nowMs)
    drain()
  })

  const take = (batch: DatagramBatch): void => {
    deliver(machine, batch, clock.nowMs())
    if (!stopped) performAll()
  }

  return {
    receive(batch) {
      take(batch)
      drain()
    },
    take,
    drain,
    stop() {
      stopped = true
      alarm.stop()
    },
  }
}

/** A timer that is not reset for every datagram, which would cost more than the datagram. It may therefore ring early, which is harmless. */
class Alarm {
  readonly #clock: Clock
  readonly #ring: (nowMs: number) => void
  #ringsAtMs = Infinity
  #cancel = (): void => undefined

  constructor(clock: Clock, ring: (nowMs: number) => void) {
    this.#clock = clock
    this.#ring = ring
  }

  ringBy(atMs: number): void {
    if (atMs >= this.#ringsAtMs) return
    this.#cancel()
    this.#ringsAtMs = atMs
    this.#cancel = this.#clock.wakeAt(atMs, () => {
      this.#ringsAtMs = Infinity
      this.#ring(this.#clock.nowMs())
    })
  }

  stop(): void {
    this.#cancel()
  }
}

function deliver(machine: Pick<Machine<unknown>, 'receive'>, batch: DatagramBatch, nowMs: number): void {
  for (let index = 0; index < batch.count; index++) {
    const offset = batch.offsets[index] ?? 0
    machine.receive(batch.slab.subarray(offset, offset + (batch.lengths[index] ?? 0)), batch.path(index), nowMs)
  }
}
