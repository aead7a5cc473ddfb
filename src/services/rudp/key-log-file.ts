/** The file of a key log. Anyone who can read it can read the connections, so only its owner may. */
import { appendFileSync } from 'node:fs'
import { HamletError, oneLine } from '../kit/errors.ts'

/**
 * Opens the file, or creates it.
 * @param warn called if a line cannot be written later; the connection is worth more than its log
 * @returns a function that appends a line synchronously, so that it is there before the packets are
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
