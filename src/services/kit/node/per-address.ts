/** Something opened once per address of this machine, all on one port, and opened and closed as addresses come and go. */
import { oneLine } from '../errors.ts'

interface Closable {
  close(): Promise<void>
}

export class PerAddress<Door extends Closable> {
  readonly #open: (address: string) => Promise<Door>
  readonly #log: (text: string) => void
  readonly #doors = new Map<string, Door>()
  /** New addresses that could not be opened so far. */
  readonly #refused = new Set<string>()
  #changing: Promise<void> = Promise.resolve()
  #closed = false

  /** @param log called once for each new address that cannot be opened */
  constructor(open: (address: string) => Promise<Door>, log: (text: string) => void) {
    this.#open = open
    this.#log = log
  }

  get all(): Iterable<Door> {
    return this.#doors.values()
  }

  /** Undefined if the address is not, or no longer, one of this machine. */
  at(address: string): Door | undefined {
    return this.#doors.get(address)
  }

  /** Opens the initial addresses. @throws what `open` throws for one of them, leaving nothing open */
  async openAll(addresses: readonly string[]): Promise<void> {
    try {
      for (const address of addresses) this.#doors.set(address, await this.#open(address))
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** Opens new addresses and closes those that are gone. What cannot be opened is retried at the next call. */
  follow(addresses: readonly string[]): Promise<void> {
    return this.#changing = this.#changing.then(async () => {
      const gone = [...this.#doors.keys(), ...this.#refused].filter(address => !addresses.includes(address))
      for (const address of gone) await this.#closeDoor(address)
      for (const address of addresses) if (!this.#closed && !this.#doors.has(address)) await this.#openNew(address)
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#changing
    for (const address of [...this.#doors.keys()]) await this.#closeDoor(address)
  }

  async #openNew(address: string): Promise<void> {
    try {
      this.#doors.set(address, await this.#open(address))
      this.#refused.delete(address)
    } catch (error) {
      if (!this.#refused.has(address)) this.#log(oneLine(error))
      this.#refused.add(address)
    }
  }

  async #closeDoor(address: string): Promise<void> {
    const door = this.#doors.get(address)
    this.#doors.delete(address)
    this.#refused.delete(address)
    await door?.close()
  }
}
