/**
 * A simulated disk for tests, as bad as a disk may be. After a crash, each sector that was not synced may be present, lost, or torn at any
 * byte, in any order; a gap reads as zeros. A failed sync drops what it should have written, and the next one reports success. Writes may
 * be short. Everything is drawn from one seeded generator.
 */
import { dirname } from 'node:path'
import { assert } from '../../errors.ts'
import { below, type Random } from '../../random.ts'
import type { Disk, DiskFile } from '../disk.ts'

/** Small, so that a few records span many sectors. */
const SECTOR_BYTES = 32

type Operation = 'read' | 'open' | 'rename' | 'remove' | 'syncFolder' | 'write' | 'syncData' | 'sync' | 'close'

interface Change {
  /** Undefined if the file is truncated. */
  readonly bytes: Uint8Array | undefined
  readonly position: number
  state: 'unsynced' | 'dropped' | 'durable'
}

interface Content {
  readonly changes: Change[]
}

type Names = Map<string, Content>

export class SimDisk implements Disk {
  /** How often each operation was started. */
  readonly counts: Record<Operation, number> = { read: 0, open: 0, rename: 0, remove: 0, syncFolder: 0, write: 0, syncData: 0, sync: 0, close: 0 }
  /** Called before each operation; an error that it returns makes the operation fail. */
  fault: (operation: Operation) => NodeJS.ErrnoException | undefined = () => undefined
  /** The number of operations until the machine stops. No operation after that returns. */
  stepsToLive = Infinity
  /** Resolves when the machine stops. */
  readonly stopped: Promise<void>
  #stop = () => {}
  readonly #random: Random
  readonly #names: Names = new Map()
  readonly #durableNames: Names = new Map()
  #nameChanges: ((names: Names) => void)[] = []

  constructor(random: Random) {
    this.#random = random
    this.stopped = new Promise(resolve => { this.#stop = resolve })
  }

  /** Puts a file on the disk that is already durable. */
  put(path: string, bytes: Uint8Array): void {
    const content: Content = { changes: [{ bytes, position: 0, state: 'durable' }] }
    this.#names.set(path, content)
    this.#durableNames.set(path, content)
  }

  /** What programs see, not what a crash would leave. */
  content(path: string): Uint8Array | undefined {
    const file = this.#names.get(path)
    return file === undefined ? undefined : contentOf(file.changes)
  }

  names(): string[] {
    return [...this.#names.keys()]
  }

  /** The disk as the machine finds it after the crash. */
  afterCrash(): SimDisk {
    const next = new SimDisk(this.#random)
    for (const change of this.#nameChanges.slice(0, below(this.#random, this.#nameChanges.length + 1))) change(this.#durableNames)
    for (const [path, file] of this.#durableNames) next.put(path, contentOf(file.changes.flatMap(change => change.state === 'durable' ? [change] : this.#remainsOf(change))))
    return next
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    await this.#begin('read')
    return this.content(path)
  }

  async open(path: string, how: 'new' | 'emptied' | 'kept'): Promise<DiskFile> {
    await this.#begin('open')
    const existing = this.#names.get(path)
    if (how === 'new' && existing !== undefined) throw errno('EEXIST')
    if (how === 'kept' && existing === undefined) throw errno('ENOENT')
    const file: Content = existing ?? { changes: [] }
    if (existing === undefined) this.#changeNames(names => names.set(path, file))
    if (how === 'emptied') file.changes.push({ bytes: undefined, position: 0, state: 'unsynced' })
    return this.#handle(file)
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#begin('rename')
    const file = this.#names.get(from)
    if (file === undefined) throw errno('ENOENT')
    this.#changeNames(names => {
      names.delete(from)
      names.set(to, file)
    })
  }

  async remove(path: string): Promise<void> {
    await this.#begin('remove')
    if (!this.#names.has(path)) throw errno('ENOENT')
    this.#changeNames(names => names.delete(path))
  }

  async syncFolder(folder: string): Promise<void> {
    await this.#begin('syncFolder')
    assert(this.names().every(path => dirname(path) === folder), 'the simulated disk has one folder')
    for (const change of this.#nameChanges.splice(0)) change(this.#durableNames)
  }

  #handle(file: Content): DiskFile {
    let open = true
    const sync = async (operation: 'sync' | 'syncData') => {
      assert(open, 'a closed file is not synced')
      const unsynced = file.changes.filter(({ state }) => state === 'unsynced')
      try {
        await this.#begin(operation)
      } catch (error) {
        for (const change of unsynced) change.state = 'dropped'
        throw error
      }
      for (const change of unsynced) change.state = 'durable'
    }
    return {
      write: async (bytes, position) => {
        assert(open, 'a closed file is not written')
        const taken = below(this.#random, 4) === 0 ? 1 + below(this.#random, bytes.length) : bytes.length
        const change = (length: number) => file.changes.push({ bytes: bytes.slice(0, length), position, state: 'unsynced' })
        try {
          await this.#begin('write', () => change(below(this.#random, taken + 1)))
        } catch (error) {
          change(below(this.#random, taken))
          throw error
        }
        change(taken)
        return taken
      },
      syncData: () => sync('syncData'),
      sync: () => sync('sync'),
      close: async () => {
        open = false
        await this.#begin('close')
      },
    }
  }

  /** @param last what the operation still does if the machine stops in the middle of it */
  async #begin(operation: Operation, last: () => void = () => undefined): Promise<void> {
    this.counts[operation]++
    await Promise.resolve()
    if (--this.stepsToLive < 0) {
      if (this.stepsToLive === -1) last()
      this.#stop()
      return new Promise(() => undefined)
    }
    const error = this.fault(operation)
    if (error !== undefined) throw error
  }

  #changeNames(change: (names: Names) => void): void {
    change(this.#names)
    this.#nameChanges.push(change)
  }

  /** What a crash leaves of an unsynced change. */
  #remainsOf(change: Change): Change[] {
    const { bytes, position } = change
    if (bytes === undefined) return below(this.#random, 2) === 0 ? [] : [change]
    const remains: Change[] = []
    for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
      const sector = bytes.slice(at, at + SECTOR_BYTES)
      const fate = below(this.#random, 4)
      if (fate === 0) continue
      const kept = fate === 1 ? sector.slice(0, below(this.#random, sector.length + 1)) : fate === 2 && below(this.#random, 4) === 0 ? new Uint8Array(sector.length) : sector
      remains.push({ bytes: kept, position: position + at, state: 'durable' })
    }
    return remains
  }
}

function contentOf(changes: readonly Change[]): Uint8Array {
  let content = new Uint8Array(0)
  for (const { bytes, position } of changes) {
    if (bytes === undefined) {
      content = new Uint8Array(0)
      continue
    }
    const longer = new Uint8Array(Math.max(content.length, position + bytes.length))
    longer.set(content)
    longer.set(bytes, position)
    content = longer
  }
  return content
}

function errno(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code })
}
