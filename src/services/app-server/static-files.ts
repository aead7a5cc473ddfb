/** A folder whose files may be requested by name. Dots, encodings and symbolic links cannot lead outside it. */
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

/** RecentMap holds up to twice as many. The content of the short ones is kept in memory, too (file-content.ts). */
const CACHED_FILES = 64
/** A file that changed more recently may change again unnoticed: file systems count time in steps of up to 2 s. */
const SETTLED_AFTER_MS = 2_000

interface CachedFile {
  readonly stats: Stats
  readonly file: FoundFile
}

export class StaticFolder {
  readonly #folder: string
  readonly #log: (text: string) => void
  readonly #cached = new RecentMap<string, CachedFile>(CACHED_FILES)
  /** Unreadable files that are in the log already. */
  readonly #logged = new RecentMap<string, true>(CACHED_FILES)

  private constructor(folder: string, log: (text: string) => void) {
    this.#folder = folder
    this.#log = log
  }

  /**
   * @param folder absolute; a symbolic link is resolved for each file, so that changing the link swaps the whole site
   * @param log gets one line for each file that this user may not read
   * @throws HamletError site-missing if there is no such folder or it cannot be read
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

  /**
   * Looks up what the segments name. For an unchanged file it returns the same object again. Never rejects: an
   * unreadable file is absent.
   */
  async find(segments: readonly string[]): Promise<Found> {
    if (!areSafeNames(segments)) return { kind: 'absent' }
    const name = join(this.#folder, ...segments)
    try {
      const before = this.#cached.get(name)
      // Synchronous on purpose: the kernel has this cached, and the thread pool would cost ten times as much.
      if (before !== undefined && isSame(before.stats, statSync(name, { throwIfNoEntry: false }))) return { kind: 'file', file: before.file }
      const [root, path, stats] = await Promise.all([realpath(this.#folder), realpath(name), stat(name), access(name, constants.R_OK)])
      if (!isInside(root, path)) return { kind: 'absent' }
      if (stats.isDirectory()) return { kind: 'folder' }
      if (!stats.isFile()) return { kind: 'absent' }
      const file = foundFile(path, stats)
      if (Date.now() - stats.ctimeMs > SETTLED_AFTER_MS) this.#cached.set(name, { stats, file })
      return { kind: 'file', file }
    } catch (error) {
      if (['EACCES', 'EPERM'].includes(errnoOf(error))) this.#logUnreadable(name)
      return { kind: 'absent' } // missing, not permitted, a loop of links: a visitor sees no difference
    }
  }

  #logUnreadable(name: string): void {
    if (this.#logged.get(name) === true) return
    this.#logged.set(name, true)
    this.#log(`${name} is answered with 404: the user that runs Hamlet may not read it`)
  }
}

/** A link may point elsewhere within the folder, but not outside it, and not to a hidden file. */
function isInside(root: string, path: string): boolean {
  const below = relative(root, path)
  return below === '' || (!isAbsolute(below) && areSafeNames(below.split(sep)))
}

/** Whether it is still the same file, unchanged: every change updates the ctime. */
function isSame(before: Stats, now: Stats | undefined): boolean {
  return now !== undefined && now.dev === before.dev && now.ino === before.ino && now.size === before.size && now.mtimeMs === before.mtimeMs && now.ctimeMs === before.ctimeMs
}

function siteMissing(folder: string, why: string, cause?: unknown): HamletError {
  return new HamletError({ code: 'site-missing', what: `The site ${folder} cannot be served`, why, remedy: 'give an existing folder with --site, or omit --site for the demo site' }, { cause })
}
