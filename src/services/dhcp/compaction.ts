/** Keeps the journal of leases small, and makes it whole again after a fault of the disk. */
import { oneLine } from '../kit/errors.ts'
import type { Journal } from '../kit/node/journal.ts'
import type { LeaseRecord } from './core/leases.ts'

/** Records that may lie in the file before it is written anew, and how many of them a live one may stand for. */
const RECORDS_KEPT_MIN = 1000
const RECORDS_A_LIVE_ONE_MAX = 4

export interface CompactionOptions {
  readonly journal: Journal<LeaseRecord>
  readonly recordsOnDisk: number
  /** All that is worth keeping. */
  readonly live: () => LeaseRecord[]
  log(text: string): void
  setHealth(reason: string | undefined): void
}

/** @returns the journal as the machine shall use it, and what to call when a record could not be made safe */
export function keepSmall({ journal, recordsOnDisk, live, log, setHealth }: CompactionOptions): { journal: Journal<LeaseRecord>; failed(error: Error): void } {
  let written = recordsOnDisk
  let compactAt = RECORDS_KEPT_MIN
  let compacting = false
  const compact = async () => {
    compacting = true
    try {
      const records = live()
      await journal.compact(records)
      written = records.length
      compactAt = Math.max(RECORDS_KEPT_MIN, records.length * RECORDS_A_LIVE_ONE_MAX)
      setHealth(undefined)
    } catch (error) {
      compactAt = written * 2
      log(oneLine(error))
    } finally {
      compacting = false
    }
  }
  return {
    journal: {
      append: (record, done) => {
        journal.append(record, done)
        if (++written > compactAt && !compacting) void compact()
      },
      compact: records => journal.compact(records),
      close: () => journal.close(),
    },
    failed: error => {
      setHealth(`no lease is granted: ${oneLine(error)}`)
      if (!compacting) void compact()
    },
  }
}
