/** Leases of networks that are not served now, such as those of a laptop that is elsewhere: kept until they end. */
import type { LeaseRecord } from './leases.ts'

const RECORDS_MAX = 65_536

export class ForeignRecords {
  /** By address, the latest last. */
  readonly #records = new Map<string, LeaseRecord>()

  /** Beyond 65,536 the oldest is forgotten. */
  keep(record: LeaseRecord): void {
    this.#records.delete(record.yiaddr)
    this.#records.set(record.yiaddr, record)
    if (this.#records.size > RECORDS_MAX) this.#records.delete(this.#records.keys().next().value ?? '')
  }

  records(nowMs: number): LeaseRecord[] {
    return [...this.#records.values()].filter(({ expiresAtMs }) => expiresAtMs > nowMs)
  }
}
