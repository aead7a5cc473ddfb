/** Tells the DNS server what the clients are called, again and again until it is done, without holding up the lending. */
import { sendAdminLine } from '../dns/register.ts'
import type { Endpoint } from '../kit/endpoint.ts'
import { oneLine, partsOf } from '../kit/errors.ts'
import type { Clock } from '../kit/node/clock.ts'
import { parseListLine, type ListedRecord, type NameTable } from './core/name-table.ts'
import type { RegisteredName, RegisteredNames } from './registered-names.ts'

const RETRY_MS_MIN = 500
const RETRY_MS_MAX = 30_000

export interface NamesOptions {
  readonly book: NameTable
  readonly told: RegisteredNames
  /** The DNS server's admin port. */
  readonly server: Endpoint
  readonly clock: Clock
  log(text: string): void
}

export class Names {
  readonly #options: NamesOptions
  #running: Promise<void> | undefined
  #retryMs = RETRY_MS_MIN
  #cancelRetry: (() => void) | undefined
  #stopped = false

  constructor(options: NamesOptions) {
    this.#options = options
  }

  /** The book has changed. Where the DNS server could not be told before, the next attempt tells this too. */
  tell(): void {
    if (this.#stopped || this.#running !== undefined || this.#cancelRetry !== undefined) return
    this.#running = this.#run().finally(() => { this.#running = undefined })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelRetry?.()
    await this.#running
    await this.#options.told.close()
  }

  async #run(): Promise<void> {
    const { book, clock, log } = this.#options
    await Promise.resolve() // Leases of the same moment are told together.
    for (let names = book.takePending(); names.length > 0 && !this.#stopped; names = book.takePending()) {
      const left = new Set(names)
      try {
        await this.#tellAll(left)
        this.#retryMs = RETRY_MS_MIN
      } catch (error) {
        book.pend([...left])
        if (this.#stopped) return
        if (this.#retryMs === RETRY_MS_MIN) log(`names of clients are not registered yet, and are tried again: ${partsOf(error).what}: ${partsOf(error).why}`)
        this.#cancelRetry = clock.wakeAt(clock.nowMs() + this.#retryMs, () => {
          this.#cancelRetry = undefined
          this.tell()
        })
        this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2)
        return
      }
    }
  }

  /** @param left names that are still to be told; each is taken out when it is */
  async #tellAll(left: Set<string>): Promise<void> {
    const { book, told, server } = this.#options
    const records = new Map<string, ListedRecord[]>()
    for (const line of await sendAdminLine(server, 'LIST')) {
      const record = parseListLine(line)
      if (record !== undefined && left.has(record.name)) records.set(record.name, [...records.get(record.name) ?? [], record])
    }
    const changes = [...left].map(name => ({ name, ...book.changeFor(name, records.get(name) ?? [], told.addressesOf(name)) }))
    await told.note(changes.map(({ name, own }) => ({ name, addresses: [...new Set([...told.addressesOf(name), ...own])] })))
    const settled: RegisteredName[] = []
    for (const { name, line, own } of changes) {
      if (this.#stopped) return
      // What the server refuses it will refuse again: the name stays as it is there.
      const isDone = line === undefined || await sendAdminLine(server, line).then(() => true, (error: unknown) => this.#logRefused(error))
      left.delete(name)
      book.updated(name, isDone && own.length > 0)
      if (isDone) settled.push({ name, addresses: [...own] })
    }
    await told.note(settled)
  }

  #logRefused(error: unknown): false {
    if (partsOf(error).code !== 'refused') throw error
    this.#options.log(oneLine(error))
    return false
  }
}
