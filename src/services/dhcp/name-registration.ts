/**
 * Registers clients' names at the DNS server in the background, retrying until it succeeds. The DHCP server does not
 * wait for it.
 */
import { sendAdminLine } from '../dns/register.ts'
import type { Endpoint } from '../kit/endpoint.ts'
import { oneLine, partsOf } from '../kit/errors.ts'
import type { Clock } from '../kit/node/clock.ts'
import { parseListLine, type ListedRecord, type NameTable } from './core/name-table.ts'
import type { RegisteredName, RegisteredNames } from './registered-names.ts'

const RETRY_MS_MIN = 500
const RETRY_MS_MAX = 30_000

export interface NameRegistrationOptions {
  readonly table: NameTable
  readonly registered: RegisteredNames
  /** The DNS server's admin port. */
  readonly server: Endpoint
  readonly clock: Clock
  log(text: string): void
}

export class NameRegistration {
  readonly #options: NameRegistrationOptions
  #running: Promise<void> | undefined
  #retryMs = RETRY_MS_MIN
  #cancelRetry: (() => void) | undefined
  #stopped = false

  constructor(options: NameRegistrationOptions) {
    this.#options = options
  }

  /** Call when the name table has changed. If a retry is pending, it covers the change. */
  update(): void {
    if (this.#stopped || this.#running !== undefined || this.#cancelRetry !== undefined) return
    this.#running = this.#run().finally(() => { this.#running = undefined })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelRetry?.()
    await this.#running
    await this.#options.registered.close()
  }

  async #run(): Promise<void> {
    const { table, clock, log } = this.#options
    await Promise.resolve() // Lets leases granted in the same turn join in.
    for (let names = table.takePending(); names.length > 0 && !this.#stopped; names = table.takePending()) {
      const left = new Set(names)
      try {
        await this.#updateAll(left)
        this.#retryMs = RETRY_MS_MIN
      } catch (error) {
        table.pend([...left])
        if (this.#stopped) return
        if (this.#retryMs === RETRY_MS_MIN) log(`names of clients are not registered yet, retrying: ${partsOf(error).what}: ${partsOf(error).why}`)
        this.#cancelRetry = clock.wakeAt(clock.nowMs() + this.#retryMs, () => {
          this.#cancelRetry = undefined
          this.update()
        })
        this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2)
        return
      }
    }
  }

  /** @param left the names still to update; each is removed when done */
  async #updateAll(left: Set<string>): Promise<void> {
    const { table, registered, server } = this.#options
    const records = new Map<string, ListedRecord[]>()
    for (const line of await sendAdminLine(server, 'LIST')) {
      const record = parseListLine(line)
      if (record !== undefined && left.has(record.name)) records.set(record.name, [...records.get(record.name) ?? [], record])
    }
    const changes = [...left].map(name => ({ name, ...table.changeFor(name, records.get(name) ?? [], registered.addressesOf(name)) }))
    await registered.record(changes.map(({ name, own }) => ({ name, addresses: [...new Set([...registered.addressesOf(name), ...own])] })))
    const settled: RegisteredName[] = []
    for (const { name, line, own } of changes) {
      if (this.#stopped) return
      // A line that the server refuses would be refused again, so it is not retried.
      const isDone = line === undefined || await sendAdminLine(server, line).then(() => true, (error: unknown) => this.#logRefused(error))
      left.delete(name)
      table.updated(name, isDone && own.length > 0)
      if (isDone) settled.push({ name, addresses: [...own] })
    }
    await registered.record(settled)
  }

  #logRefused(error: unknown): false {
    if (partsOf(error).code !== 'refused') throw error
    this.#options.log(oneLine(error))
    return false
  }
}
