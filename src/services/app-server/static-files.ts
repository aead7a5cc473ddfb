/** A folder whose files may be asked for by name. Nothing outside it is reached, by dots, encodings or links. */
import { constants, statSync, type Stats } from 'node:fs'
import { access, realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, relative, sep } from 'node:path'
import { HamletError } from '../kit/errors.ts'
import { errnoOf } from '../kit/node/disk.ts'
import { RecentMap } from '../kit/recent-map.ts'
import { foundFile } from './file-response.ts'
import type { FoundFile } from './message.ts'
import { areSafeNames } from './safe-path.ts'

export type Found = { readonly kind: 'file'; readonly file: FoundFile } | { readonly kind: 'folder' } | { readonly kind: 'absent' }

/** Twice as many at most; their content, where it is short, is in memory (file-content.ts). */
const REMEMBERED_FILES = 64
/** A file that changed so lately may change again without showing it: file systems count time in steps of up to 2 s. */
const SETTLED_AFTER_MS = 2_000

interface Remembered {
  readonly stats: Stats
  readonly file: FoundFile
}

export class StaticFolder {
  readonly #folder: string
  readonly #log: (text: string) => void
  readonly #remembered = new RecentMap<string, Remembered>(REMEMBERED_FILES)
  /** Files that may not be read, and were told. */
  readonly #told = new RecentMap<string, true>(REMEMBERED_FILES)

  private constructor(folder: string, log: (text: string) => void) {
    this.#folder = folder
    this.#log = log
  }

  /**
   * @param folder absolute; a link is followed anew for each file, so that a site can be exchanged by turning it
   * @param log hears once of each file that may not be read
   * @throws HamletError site-missing where there is no such folder, or it may not be read
   */
  static async open(folder: string, log: (text: string) => void): Promise<StaticFolder> {
    try {
      if ((await stat(folder)).isDirectory()) return new StaticFolder(folder, log)
      throw siteMissing(folder, 'it is a file, not a folder')
    } catch (error) {
      if (error instanceof HamletError) throw error
      const { code, message } = error as NodeJS.ErrnoException // what node:fs rejects with
      throw siteMissing(folder, code === 'ENOENT' ? 'there is no such folder' : message, error)
    }
  }

  /** What the segments name; for a file that has not changed the same object again. Never rejects: what cannot be read is absent. */
  async find(segments: readonly string[]): Promise<Found> {
    if (!areSafeNames(segments)) return { kind: 'absent' }
    const name = join(this.#folder, ...segments)
    try {
      const before = this.#remembered.get(name)
      // The system has this at hand: asked in a thread, it would cost ten times as much.
      if (before !== undefined && isSame(before.stats, statSync(name, { throwIfNoEntry: false }))) return { kind: 'file', file: before.file }
      const [root, path, stats] = await Promise.all([realpath(this.#folder), realpath(name), stat(name), access(name, constants.R_OK)])
      if (!holds(root, path)) return { kind: 'absent' }
      if (stats.isDirectory()) return { kind: 'folder' }
      if (!stats.isFile()) return { kind: 'absent' }
      const file = foundFile(path, stats)
      if (Date.now() - stats.ctimeMs > SETTLED_AFTER_MS) this.#remembered.set(name, { stats, file })
      return { kind: 'file', file }
    } catch (error) {
      if (['EACCES', 'EPERM'].includes(errnoOf(error))) this.#tellUnreadable(name)
      return { kind: 'absent' } // no such file, no permission, a loop of links: all the same to a visitor
    }
  }

  #tellUnreadable(name: string): void {
    if (this.#told.get(name) === true) return
    this.#told.set(name, true)
    this.#log(`${name} is answered 404: this user may not read it`)
  }
}

/** A link may lead elsewhere in the folder, but not out of it, and not to a hidden file. */
function holds(root: string, path: string): boolean {
  const way = relative(root, path)
  return way === '' || (!isAbsolute(way) && areSafeNames(way.split(sep)))
}

/** The very file that was within the folder then, as it was: every change of it changes its ctime. */
function isSame(before: Stats, now: Stats | undefined): boolean {
  return now !== undefined && now.dev === before.dev && now.ino === before.ino && now.size === before.size && now.mtimeMs === before.mtimeMs && now.ctimeMs === before.ctimeMs
}

function siteMissing(folder: string, why: string, cause?: unknown): HamletError {
  return new HamletError({ code: 'site-missing', what: `The site ${folder} cannot be served`, why, remedy: 'name an existing folder with --site, or leave it out for the demo site' }, { cause })
}
