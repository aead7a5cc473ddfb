/**
 * The servers that were visited over encrypted RUDP, and the identity that each presented on the first visit. They are
 * stored in `rudp-known-servers` in the data folder, one per line, for users to read and edit. Adding a line before the
 * first visit makes it unnecessary to trust that visit.
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
/** A longer file is not read, and accepts no new server. */
const FILE_LENGTH_MAX = 1024 * 1024

export class KnownServers {
  readonly #path: string
  readonly #log: (text: string) => void

  /** @param log receives a line for each server that is added */
  constructor(folder: string, log: (text: string) => void) {
    this.#path = join(folder, KNOWN_SERVERS_FILE)
    this.#log = log
  }

  /**
   * The identity that the server of this name must present; undefined if it was never visited. The file is read each
   * time, so that an edit takes effect at once.
   * @throws HamletError disk-failed or file-damaged
   */
  async find(name: string): Promise<string | undefined> {
    const text = await readFile(this.#path, 'utf8').catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return ''
      throw diskError(error, this.#path, `${KNOWN_SERVERS_FILE} could not be read`)
    })
    if (text.length > FILE_LENGTH_MAX) throw this.#damaged(`it has ${text.length} characters, more than the limit of ${FILE_LENGTH_MAX}`)
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      if (line.trim() === '' || line.startsWith('#')) continue
      const [, known, identity] = LINE.exec(line.trim()) ?? []
      if (known === undefined) throw this.#damaged(`line ${index + 1} is not "NAME x25519 BASE64"`)
      if (known === name) return identity
    }
    return undefined
  }

  /**
   * Stores the identity that a server presented on the first visit. If that fails, the log says so, and the next visit
   * is a first visit again.
   */
  async add(name: string, identity: string): Promise<void> {
    try {
      await makeFolder(dirname(this.#path))
      await appendLine(this.#path, `${name} x25519 ${identity}\n`)
      this.#log(`added ${name} to the known servers: x25519 ${identity}`)
    } catch (error) {
      this.#log(oneLine(diskError(error, this.#path, `${KNOWN_SERVERS_FILE} could not be written`)))
    }
  }

  /** The error for a server that presents another identity than the known one. */
  changed(name: string, known: string, shown: string): HamletError {
    return new HamletError({
      code: 'identity-changed', what: `${name} presented a different key than before`, why: 'it was set up again, or someone is intercepting the connection', done: 'nothing was sent to it',
      remedy: `compare the key with the one that the server prints; if they match, remove the line for ${name} from ${this.#path}`, proof: `known ${known}, presented ${shown}`,
    })
  }

  #damaged(why: string): HamletError {
    return new HamletError({ code: 'file-damaged', what: `${KNOWN_SERVERS_FILE} could not be read`, why, remedy: `correct or remove ${this.#path}` })
  }
}

/** Appends a line durably. Many editors leave the last line of a file without a line break; it is added then. */
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

/** An identity in the form in which users compare it. */
export function formatIdentity(identity: Uint8Array): string {
  return Buffer.from(identity).toString('base64')
}
