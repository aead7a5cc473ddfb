/** The recordings of a service's connections while somebody watches. A few are kept, also after their connections' end. */
import type { Connection } from '../connection.ts'
import { Recording } from './recording.ts'

/** One more takes the place of the oldest. */
const RECORDINGS_MAX = 8

export class Recordings {
  /** By id, oldest first. */
  #kept = new Map<string, Recording>()
  /** Recorded once: who lost its place does not take another's again by its next packet, or of many at work none would be kept. */
  #begun = new WeakSet<Connection>()
  /** Keeps its place. */
  #lookedAt: string | undefined

  /** Where an event of a connection goes; undefined: it has lost its place. */
  of(id: string, connection: Connection): Recording | undefined {
    const kept = this.#kept.get(id)
    if (kept !== undefined || this.#begun.has(connection)) return kept
    this.#begun.add(connection)
    const recording = new Recording(connection)
    this.#kept.set(id, recording)
    this.#makeRoom()
    return recording
  }

  /** The id of the one that began last. */
  get newest(): string | undefined {
    return [...this.#kept.keys()].pop()
  }

  get(id: string): Recording | undefined {
    return this.#kept.get(id)
  }

  /**
   * Somebody looks at this one: it is recorded from now on if it was not.
   * @param open finds its connection, or throws
   */
  lookAt(id: string, open: () => Connection): Recording {
    this.#lookedAt = id
    const kept = this.#kept.get(id)
    if (kept !== undefined) return kept
    const connection = open()
    this.#begun.add(connection)
    const recording = new Recording(connection)
    this.#kept = new Map([[id, recording], ...this.#kept]) // the newest stays the last
    this.#makeRoom()
    return recording
  }

  entries(): Iterable<[string, Recording]> {
    return this.#kept.entries()
  }

  clear(): void {
    this.#kept.clear()
    this.#begun = new WeakSet()
  }

  #makeRoom(): void {
    for (const id of this.#kept.keys()) {
      if (this.#kept.size <= RECORDINGS_MAX) return
      if (id !== this.#lookedAt) this.#kept.delete(id)
    }
  }
}
