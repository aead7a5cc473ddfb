/**
 * Changes on their way to the journal, and the records that names will have after them. The next change is planned against
 * those, so that it is refused or found to be a no-op before anything of it is written.
 */
import type { NameChange } from './core/zone/zone-change.ts'
import type { ResourceRecord } from './wire/message.ts'
import { nameKey } from './wire/name.ts'

export class PendingChanges {
  count = 0
  readonly #names = new Map<string, { readonly records: readonly ResourceRecord[]; readonly changes: number }>()
  private readonly recordsNow: (name: string) => readonly ResourceRecord[]

  /** @param recordsNow returns a name's records in the zone */
  constructor(recordsNow: (name: string) => readonly ResourceRecord[]) {
    this.recordsNow = recordsNow
  }

  /** The records that the name will have. */
  recordsOf(name: string): readonly ResourceRecord[] {
    return this.#names.get(nameKey(name))?.records ?? this.recordsNow(name)
  }

  /** A change was submitted to the journal. */
  add(names: readonly NameChange[]): void {
    this.count++
    for (const { name, after } of names) this.#names.set(nameKey(name), { records: after, changes: (this.#names.get(nameKey(name))?.changes ?? 0) + 1 })
  }

  /** The change was applied to the zone, or failed. */
  remove(names: readonly NameChange[]): void {
    this.count--
    for (const { name } of names) {
      const pending = this.#names.get(nameKey(name))
      if (pending === undefined || pending.changes === 1) this.#names.delete(nameKey(name))
      else this.#names.set(nameKey(name), { ...pending, changes: pending.changes - 1 })
    }
  }
}
