/** The file of a key log. Who may read it can read the connections, so it is made for its owner alone. */
import { appendFileSync } from 'node:fs'
import { HamletError, oneLine } from '../kit/errors.ts'

/**
 * Opens the file, and makes it where there is none.
 * @param warn is told where a line could not be added later: the connection is worth more than its log
 * @returns what adds a line, at once, so that it is there before the packets are
 * @throws HamletError disk-failed
 */
export function openKeyLogFile(path: string, warn: (text: string) => void): (line: string) => void {
  const add = (text: string) => appendFileSync(path, text, { mode: 0o600 })
  const failed = (error: unknown) => new HamletError({
    code: 'disk-failed', what: `${path} could not be written`, why: error instanceof Error ? error.message : String(error), remedy: 'choose another file with --key_log',
  }, { cause: error })
  try {
    add('')
  } catch (error) {
    throw failed(error)
  }
  return line => {
    try {
      add(`${line}\n`)
    } catch (error) {
      warn(oneLine(failed(error)))
    }
  }
}
