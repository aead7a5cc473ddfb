/** An open journal file, which knows the offset and the number of its next line. */
import { writeAll, type DiskFile } from './disk.ts'
import { encodeLines } from './journal-lines.ts'

export class JournalFile {
  readonly #file: DiskFile
  #bytes: number
  #lines: number

  /** @param lines including the header */
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

  /** Appends lines; a sync must follow. After an error the file's content is unknown. */
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
