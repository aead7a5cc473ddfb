/** An open file of a journal: knows where its next line begins, and the number of it. */
import { writeAll, type DiskFile } from './disk.ts'
import { encodeLines } from './journal-lines.ts'

export class JournalFile {
  readonly #file: DiskFile
  #bytes: number
  #lines: number

  /** @param lines the header among them */
  constructor(file: DiskFile, bytes = 0, lines = 0) {
    this.#file = file
    this.#bytes = bytes
    this.#lines = lines
  }

  get bytes(): number {
    return this.#bytes
  }

  get lines(): number {
    return this.#lines
  }

  /** Writes lines behind the others; a sync has to follow. After an error nobody knows what is there. */
  async append(jsons: readonly string[]): Promise<void> {
    const bytes = encodeLines(this.#lines, jsons)
    await writeAll(this.#file, bytes, this.#bytes)
    this.#bytes += bytes.length
    this.#lines += jsons.length
  }

  syncData(): Promise<void> {
    return this.#file.syncData()
  }

  sync(): Promise<void> {
    return this.#file.sync()
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
