/** Reads what a person asks of a bench; what makes no sense is one clear line. */
import { parseArgs } from 'node:util'
import { SetupError } from '../scripts/setup/say.mjs'

/**
 * @param {string[]} argv
 * @param {import('node:util').ParseArgsConfig['options']} options
 * @throws SetupError for what it does not know
 */
export function readArguments(argv, options) {
  try {
    return parseArgs({ args: argv, options }).values
  } catch (error) {
    throw new SetupError(`${error.message}; see --help`)
  }
}

/** Names apart by commas; all that are known where none is named. @throws SetupError for an unknown one */
export function listOf(text, known, flag) {
  const names = text?.split(',') ?? known
  const unknown = names.find(name => !known.includes(name))
  if (unknown !== undefined) throw new SetupError(`${flag}: "${unknown}" is none of ${known.join(', ')}`)
  return names
}

/** @throws SetupError for what is no number above 0 and at most 60 */
export function numberOf(text, otherwise, flag) {
  const number = Number(text ?? otherwise)
  if (!(number > 0 && number <= 60)) throw new SetupError(`${flag} must be above 0 and at most 60`)
  return number
}
