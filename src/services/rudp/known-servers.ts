/**
 * The servers that were visited by encrypted RUDP, and the identity that each showed at the first visit: `rudp-known-servers` in the data
 * folder, one a line, as a person reads and edits it. Who puts a line there before the first visit need not trust that visit.
 *
 *     my-app.home x25519 hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=
 */
import { open, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HamletError, oneLine } from '../kit/errors.ts'
import { diskError, errnoOf } from '../kit/node/disk.ts'
import { makeFolder } from '../kit/node/make-folder.ts'

export const KNOWN_SERVERS_FILE = 'rudp-known-servers'
const LINE = /^(\S{1,300}) x25519 ([A-Za-z0-9+/]{43}=)$/
/** A file that is longer takes no new server, and is not read. */
const FILE_LENGTH_MAX = 1024 * 1024

export class KnownServers {
  readonly #path: string
  readonly #log: (text: string) => void

  /** @param log hears of each server that is remembered */
  constructor(folder: string, log: (text: string) => void) {
    this.#path = join(folder, KNOWN_SERVERS_FILE)
    this.#log = log
  }

  /**
   * The identity that a server of this name has to show; undefined: it was never visited. The file is read each time, so that an edit
   * counts at once.
   * @throws HamletError disk-failed or file-damaged
   */
  async find(name: string): Promise<string | undefined> {
    const text = await readFile(this.#path, 'utf8').catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return ''
      throw diskError(error, this.#path, `${KNOWN_SERVERS_FILE} could not be read`)
    })
    if (text.length > FILE_LENGTH_MAX) throw this.#damaged(`it has ${text.length} characters, and ${FILE_LENGTH_MAX} is the limit`)
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      if (line.trim() === '' || line.startsWith('#')) continue
      const [, known, identity] = LINE.exec(line.trim()) ?? []
      if (known === undefined) throw this.#damaged(`line ${index + 1} is not "NAME x25519 BASE64"`)
      if (known === name) return identity
    }
    return undefined
  }

  /** Remembers what a server showed at the first visit. Where that fails the log says so, and the next visit is a first one again. */
  async add(name: string, identity: string): Promise<void> {
    try {
      await makeFolder(dirname(this.#path))
      await appendLine(this.#path, `${name} x25519 ${identity}\n`)
      this.#log(`${name} is known from now on by x25519 ${identity}`)
    } catch (error) {
      this.#log(oneLine(diskError(error, this.#path, `${KNOWN_SERVERS_FILE} could not be written`)))
    }
  }

  /** A server shows another identity than the one that it is known by. */
  changed(name: string, known: string, shown: string): HamletError {
    return new HamletError({
      code: 'identity-changed', what: `${name} showed another key than it is known by`, why: 'it was set up anew, or somebody stands between it and you', done: 'nothing was sent to it',
      remedy: `compare the key that the server prints; if it is right, remove the line of ${name} from ${this.#path}`, proof: `known ${known}, shown ${shown}`,
    })
  }

  #damaged(why: string): HamletError {
    return new HamletError({ code: 'file-damaged', what: `${KNOWN_SERVERS_FILE} could not be read`, why, remedy: `correct or remove ${this.#path}` })
  }
}

/** Safe on disk, and a line of its own: many editors leave the last line of a file open. */
async function appendLine(path: string, line: string): Promise<void> {
  const file = await open(path, 'a+')
  try {
    const { size } = await file.stat()
    const { buffer } = await file.read({ buffer: Buffer.from('\n'), position: Math.max(0, size - 1) })
    await file.appendFile(buffer.toString() === '\n' ? line : `\n${line}`)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** An identity as people compare it. */
export function formatIdentity(identity: Uint8Array): string {
  return Buffer.from(identity).toString('base64')
}
