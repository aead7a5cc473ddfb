/**
 * Which names this server has registered, and with which addresses: on disk, so that after a restart, too, it knows its own records
 * from those of others. What it is about to tell is written down before, beside what was told before: so whichever of the two the
 * DNS server has after a crash is known.
 */
import { z } from 'zod'
import { openJournal, type Journal } from '../kit/node/journal.ts'

/** A name with all addresses of which a record in the DNS may be this server's own; none: no record is. A line of the journal, whose last one for a name counts. */
const registeredName = z.object({ name: z.string(), addresses: z.array(z.ipv4()) })
export type RegisteredName = z.output<typeof registeredName>

/** Records that may lie in the file before it is written anew, and how many of them a live one may stand for. */
const RECORDS_KEPT_MIN = 1000
const RECORDS_A_LIVE_ONE_MAX = 4

export class RegisteredNames {
  readonly #journal: Journal<RegisteredName>
  readonly #addresses = new Map<string, readonly string[]>()
  #written: number
  /** The file lacks something that was noted. */
  #isBehind = false

  /**
   * @param dataFolder is this process's alone (lease-store.ts)
   * @throws HamletError disk-failed, file-damaged
   */
  static async open({ dataFolder, log }: { readonly dataFolder: string; log(text: string): void }): Promise<RegisteredNames> {
    const { journal, records, warnings } = await openJournal({ folder: dataFolder, name: 'names.jsonl', parse: value => registeredName.parse(value) })
    warnings.forEach(warning => log(warning))
    return new RegisteredNames(journal, records)
  }

  private constructor(journal: Journal<RegisteredName>, records: readonly RegisteredName[]) {
    this.#journal = journal
    this.#written = records.length
    records.forEach(record => this.#set(record))
  }

  get names(): string[] {
    return [...this.#addresses.keys()]
  }

  /** The addresses of which a record of that name may be this server's own. */
  addressesOf(name: string): readonly string[] {
    return this.#addresses.get(name) ?? []
  }

  /**
   * Writes down how names are now.
   * @throws HamletError disk-failed: nothing of it may be relied on
   */
  async note(names: readonly RegisteredName[]): Promise<void> {
    const changed = names.filter(({ name, addresses }) => addresses.join() !== this.addressesOf(name).join())
    changed.forEach(record => this.#set(record))
    this.#written += changed.length
    const failures = await Promise.all(changed.map(record => new Promise<Error | undefined>(resolve => this.#journal.append(record, resolve))))
    this.#isBehind ||= failures.some(failure => failure !== undefined)
    const isOutdated = this.#written > Math.max(RECORDS_KEPT_MIN, this.#addresses.size * RECORDS_A_LIVE_ONE_MAX)
    if (isOutdated || this.#isBehind) await this.#rewrite() // A new file makes a journal whole again that has failed.
  }

  close(): Promise<void> {
    return this.#journal.close()
  }

  #set({ name, addresses }: RegisteredName): void {
    if (addresses.length === 0) this.#addresses.delete(name)
    else this.#addresses.set(name, addresses)
  }

  async #rewrite(): Promise<void> {
    const records = [...this.#addresses].map(([name, addresses]) => ({ name, addresses: [...addresses] }))
    await this.#journal.compact(records)
    this.#written = records.length
    this.#isBehind = false
  }
}
