/**
 * Changes on their way into the journal, and what names will have when they are made. The next change is decided by that: what is
 * refused or passed over is so before anything of it is written.
 */
import type { NameChange } from './core/zone/zone-change.ts'
import type { ResourceRecord } from './wire/message.ts'
import { nameKey } from './wire/name.ts'

export class PendingChanges {
  count = 0
  readonly #names = new Map<string, { readonly records: readonly ResourceRecord[]; readonly changes: number }>()
  private readonly recordsNow: (name: string) => readonly ResourceRecord[]

  /** @param recordsNow what a name has in the zone */
  constructor(recordsNow: (name: string) => readonly ResourceRecord[]) {
    this.recordsNow = recordsNow
  }

  /** What the name will have. */
  recordsOf(name: string): readonly ResourceRecord[] {
    return this.#names.get(nameKey(name))?.records ?? this.recordsNow(name)
  }

  /** A change goes to the journal. */
  add(names: readonly NameChange[]): void {
    this.count++
    for (const { name, after } of names) this.#names.set(nameKey(name), { records: after, changes: (this.#names.get(nameKey(name))?.changes ?? 0) + 1 })
  }

  /** It is in the zone, or failed. */
  remove(names: readonly NameChange[]): void {
    this.count--
    for (const { name } of names) {
      const underway = this.#names.get(nameKey(name))
      if (underway === undefined || underway.changes === 1) this.#names.delete(nameKey(name))
      else this.#names.set(nameKey(name), { ...underway, changes: underway.changes - 1 })
    }
  }
}
