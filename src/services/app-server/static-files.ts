/** A folder whose files may be asked for by name. Nothing outside it is reached, by dots, encodings or links. */
import { realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, relative, sep } from 'node:path'
import { HamletError } from '../kit/errors.ts'
import { foundFile } from './file-response.ts'
import type { FoundFile } from './message.ts'
import { areSafeNames } from './safe-path.ts'

export type Found = { readonly kind: 'file'; readonly file: FoundFile } | { readonly kind: 'folder' } | { readonly kind: 'absent' }

export class StaticFolder {
  private readonly root: string

  /** @param root absolute, links resolved */
  private constructor(root: string) {
    this.root = root
  }

  /** @throws HamletError site-missing where there is no such folder, or it may not be read */
  static async open(folder: string): Promise<StaticFolder> {
    try {
      const root = await realpath(folder)
      if ((await stat(root)).isDirectory()) return new StaticFolder(root)
      throw siteMissing(folder, 'it is a file, not a folder')
    } catch (error) {
      if (error instanceof HamletError) throw error
      const { code, message } = error as NodeJS.ErrnoException // what node:fs rejects with
      throw siteMissing(folder, code === 'ENOENT' ? 'there is no such folder' : message, error)
    }
  }

  /** What the segments name. Never rejects: what cannot be read is absent. */
  async find(segments: readonly string[]): Promise<Found> {
    if (!areSafeNames(segments)) return { kind: 'absent' }
    try {
      const name = join(this.root, ...segments)
      const [path, stats] = await Promise.all([realpath(name), stat(name)])
      if (!this.#holds(path)) return { kind: 'absent' }
      if (stats.isDirectory()) return { kind: 'folder' }
      if (!stats.isFile()) return { kind: 'absent' }
      return { kind: 'file', file: foundFile(path, stats) }
    } catch {
      return { kind: 'absent' } // no such file, no permission, a loop of links: all the same to a visitor
    }
  }

  /** A link may lead elsewhere in the folder, but not out of it, and not to a hidden file. */
  #holds(path: string): boolean {
    const way = relative(this.root, path)
    return way === '' || (!isAbsolute(way) && areSafeNames(way.split(sep)))
  }
}

function siteMissing(folder: string, why: string, cause?: unknown): HamletError {
  return new HamletError({ code: 'site-missing', what: `The site ${folder} cannot be served`, why, remedy: 'name an existing folder with --site, or leave it out for the demo site' }, { cause })
}
