/**
 * The last changes of a zone, so that a secondary that has an older state gets what differs and not the whole (RFC 1995).
 */
import type { ResourceRecord } from '../../wire/message.ts'
import { serialOf } from './apex.ts'

/** What a change did to the zone's own records, those at and below the apex. SOA records stand at `from` and `to` alone. */
export interface ZoneDifference {
  /** The SOA before. */
  readonly from: ResourceRecord
  /** The SOA after. */
  readonly to: ResourceRecord
  readonly removed: readonly ResourceRecord[]
  readonly added: readonly ResourceRecord[]
}

const DIFFERENCES_MAX = 1000
/** All records of all differences. Beyond, the oldest differences go: a secondary that far behind takes the whole zone. */
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

  /** The differences from the state with this serial to the state of now, oldest first; undefined where that state is not remembered. */
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
