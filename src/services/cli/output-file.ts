/** A file that the person named for what a command gets. Opened before anything is asked, and as it was until there is something to write. */
import { open, type FileHandle } from 'node:fs/promises'
import { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { HamletError } from '../kit/errors.ts'

export class OutputFile {
  readonly stream: Writable
  readonly #handle: FileHandle
  readonly #failed: (error: unknown) => HamletError
  #emptied = false

  private constructor(handle: FileHandle, failed: (error: unknown) => HamletError) {
    this.#handle = handle
    this.#failed = failed
    this.stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => void this.#write(chunk).then(() => done(), done),
      final: done => void this.#empty().then(() => done(), done), // what was got may have no bytes at all
      destroy: (error, done) => void handle.close().then(() => done(error), done),
    }).on('error', () => undefined) // `end` tells of it
  }

  /** @throws HamletError disk-failed */
  static async open(flag: string, path: string): Promise<OutputFile> {
    const failed = (error: unknown) => new HamletError({
      code: 'disk-failed', what: `${path} could not be written`, why: error instanceof Error ? error.message : String(error), remedy: `choose another file with --${flag}`,
    }, { cause: error })
    const handle = await open(path, 'a').catch((error: unknown) => { throw failed(error) })
    return new OutputFile(handle, failed)
  }

  /** Waits until all of it is written. @throws HamletError disk-failed */
  async end(): Promise<void> {
    try {
      await finished(this.stream.end())
    } catch (error) {
      throw this.#failed(error)
    }
  }

  async #write(chunk: Buffer): Promise<void> {
    await this.#empty()
    // FileHandle.write may take less than it is given; appendFile writes all.
    await this.#handle.appendFile(chunk)
  }

  /** Takes away what stood there, once. A pipe or a device has nothing to take away. */
  async #empty(): Promise<void> {
    if (this.#emptied) return
    this.#emptied = true
    if ((await this.#handle.stat()).isFile()) await this.#handle.truncate()
  }
}
