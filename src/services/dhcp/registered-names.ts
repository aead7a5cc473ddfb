/**
 * The names that this server has registered at the DNS server, and their addresses. They are kept on disk, so that
 * after a restart the server can still tell its own records from those of others. Before a record is changed, its new
 * address is written down beside the old one: whichever of the two the DNS server has after a crash is then recognized.
 */
import { z } from 'zod'
import { openJournal, type Journal } from '../kit/node/journal.ts'

/**
 * A journal record: a name, and the addresses whose DNS record may be this server's own. The last record of a name
 * counts.
 */
const registeredName = z.object({ name: z.string(), addresses: z.array(z.ipv4()) })
export type RegisteredName = z.output<typeof registeredName>

/** The file is rewritten when it has more than this many records, and more than this many for each live one. */
const RECORDS_KEPT_MIN = 1000
const RECORDS_PER_LIVE_ONE_MAX = 4

export class RegisteredNames {
  readonly #journal: Journal<RegisteredName>
  readonly #addresses = new Map<string, readonly string[]>()
  #written: number
  /** A write failed, so the file lacks something. */
  #isBehind = false

  /**
   * @param dataFolder locked by this process (lease-store.ts)
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

  /** The addresses whose record under that name may be this server's own. */
  addressesOf(name: string): readonly string[] {
    return this.#addresses.get(name) ?? []
  }

  /**
   * Writes down the current addresses of names.
   * @throws HamletError disk-failed: none of it may be relied on
   */
  async record(names: readonly RegisteredName[]): Promise<void> {
    const changed = names.filter(({ name, addresses }) => addresses.join() !== this.addressesOf(name).join())
    changed.forEach(record => this.#set(record))
    this.#written += changed.length
    const failures = await Promise.all(changed.map(record => new Promise<Error | undefined>(resolve => this.#journal.append(record, resolve))))
    this.#isBehind ||= failures.some(failure => failure !== undefined)
    const isOutdated = this.#written > Math.max(RECORDS_KEPT_MIN, this.#addresses.size * RECORDS_PER_LIVE_ONE_MAX)
    if (isOutdated || this.#isBehind) await this.#rewrite() // Rewriting repairs a journal that has failed.
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
