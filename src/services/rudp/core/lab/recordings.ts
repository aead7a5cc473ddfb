/**
 * The recordings of the connections of a service while someone watches. A few are kept, even after their connections
 * have ended.
 */
import type { Connection } from '../connection.ts'
import { Recording } from './recording.ts'

/** One more replaces the oldest. */
const RECORDINGS_MAX = 8

export class Recordings {
  /** By id, oldest first. */
  #kept = new Map<string, Recording>()
  /**
   * Connections recorded before. One that lost its place does not get another with its next packet; otherwise, with
   * many active connections, no recording would last.
   */
  #begun = new WeakSet<Connection>()
  /** The recording being viewed, which keeps its place. */
  #viewed: string | undefined

  /** The recording for the events of a connection; undefined if it has lost its place. */
  of(id: string, connection: Connection): Recording | undefined {
    const kept = this.#kept.get(id)
    if (kept !== undefined || this.#begun.has(connection)) return kept
    this.#begun.add(connection)
    const recording = new Recording(connection)
    this.#kept.set(id, recording)
    this.#makeRoom()
    return recording
  }

  /** The id of the recording that began last. */
  get newest(): string | undefined {
    return [...this.#kept.keys()].pop()
  }

  get(id: string): Recording | undefined {
    return this.#kept.get(id)
  }

  /**
   * Someone views this recording: it begins now if it had not.
   * @param open finds the connection, or throws
   */
  view(id: string, open: () => Connection): Recording {
    this.#viewed = id
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
      if (id !== this.#viewed) this.#kept.delete(id)
    }
  }
}
