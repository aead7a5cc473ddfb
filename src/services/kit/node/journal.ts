/** A journal of records on disk. */
import type { HamletError } from '../errors.ts'

export interface Journal<Journaled> {
  /** Writes the record; `done` is called once, with no error only when the record is safe on disk (fdatasync, in groups). */
  append(record: Journaled, done: (error: HamletError | undefined) => void): void
  /** Replaces the whole content by `records`, atomically. Appends made meanwhile are kept. */
  compact(records: Iterable<Journaled>): Promise<void>
  /** Waits for all appends. */
  close(): Promise<void>
}
