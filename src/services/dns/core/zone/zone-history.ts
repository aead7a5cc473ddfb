/** The most recent changes to a zone, so that a secondary with an older state can transfer just the differences (RFC 1995). */
import type { ResourceRecord } from '../../wire/message.ts'
import { serialOf } from './apex.ts'

/** The effect of a change on the records at and below the apex. SOA records appear only in `from` and `to`. */
export interface ZoneDifference {
  /** The SOA before. */
  readonly from: ResourceRecord
  /** The SOA after. */
  readonly to: ResourceRecord
  readonly removed: readonly ResourceRecord[]
  readonly added: readonly ResourceRecord[]
}

const DIFFERENCES_MAX = 1000
/** Over all differences. Beyond that, the oldest are dropped: a secondary that far behind transfers the whole zone. */
const RECORDS_MAX = 20_000

export class ZoneHistory {
  readonly #differences: ZoneDifference[] = []
  #records = 0

  remember(difference: ZoneDifference): void {
    this.#differences.push(difference)
    this.#records += recordsIn(difference)
    while (this.#differences.length > DIFFERENCES_MAX || this.#records > RECORDS_MAX) {
      const oldest = this.#differences.shift()
      if (oldest !== undefined) this.#records -= recordsIn(oldest)
    }
  }

  /**
   * The differences from the state with this serial to the current one, oldest first; undefined if that state is not
   * remembered.
   */
  since(serial: number): readonly ZoneDifference[] | undefined {
    const index = this.#differences.findIndex(({ from }) => serialOf(from) === serial)
    return index < 0 ? undefined : this.#differences.slice(index)
  }

  forget(): void {
    this.#differences.length = 0
    this.#records = 0
  }
}

function recordsIn({ removed, added }: ZoneDifference): number {
  return removed.length + added.length
}
