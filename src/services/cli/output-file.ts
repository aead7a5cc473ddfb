/**
 * A file that the user named for the output of a command. It is checked before anything is sent, and left unchanged
 * until there is something to write.
 */
import { access, constants, open, readlink, type FileHandle } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { HamletError } from '../kit/errors.ts'
import { errnoOf } from '../kit/node/disk.ts'

export class OutputFile {
  readonly stream: Writable
  readonly #path: string
  readonly #failed: (error: unknown) => HamletError
  /** Undefined while there is no file. */
  #handle: FileHandle | undefined
  #begun: Promise<FileHandle> | undefined

  private constructor(path: string, handle: FileHandle | undefined, failed: (error: unknown) => HamletError) {
    this.#path = path
    this.#handle = handle
    this.#failed = failed
    this.stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => void this.#write(chunk).then(() => done(), done),
      final: done => void this.#begin().then(() => done(), done), // the output may be empty
      destroy: (error, done) => void this.#close().then(() => done(error), done),
    }).on('error', () => undefined) // `end` reports it
  }

  /** @throws HamletError disk-failed */
  static async open(flag: string, path: string): Promise<OutputFile> {
    const failed = (error: unknown) => new HamletError({
      code: 'disk-failed', what: `${path} could not be written`, why: error instanceof Error ? error.message : String(error), remedy: `choose another file with --${flag}`,
    }, { cause: error })
    try {
      return new OutputFile(path, await openExisting(path), failed)
    } catch (error) {
      throw failed(error)
    }
  }

  /** Ends the stream and waits until everything is written. @throws HamletError disk-failed */
  async end(): Promise<void> {
    try {
      await finished(this.stream.end())
    } catch (error) {
      throw this.#failed(error)
    }
  }

  async #write(chunk: Buffer): Promise<void> {
    // FileHandle.write may write less than it is given; appendFile writes everything.
    await (await this.#begin()).appendFile(chunk)
  }

  /** Creates the file or truncates it, once. A pipe or a device cannot be truncated. */
  #begin(): Promise<FileHandle> {
    this.#begun ??= (async () => {
      this.#handle ??= await open(this.#path, 'a')
      if ((await this.#handle.stat()).isFile()) await this.#handle.truncate()
      return this.#handle
    })()
    return this.#begun
  }

  async #close(): Promise<void> {
    await this.#handle?.close()
  }
}

/**
 * Opens an existing file.
 * @returns undefined if there is none and it can be created
 * @throws the error of node:fs if it can be neither written nor created
 */
async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_WRONLY | constants.O_APPEND)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || /[\\/]$/.test(path)) throw error
  }
  const target = await readlink(path).catch(() => undefined)
  if (target !== undefined) return openExisting(resolve(dirname(path), target)) // a link to a file that does not exist yet
  await access(dirname(path), constants.W_OK)
  return undefined
}
