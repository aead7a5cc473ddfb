/** Parses the command line of a benchmark. A mistake is reported in one clear line. */
import { parseArgs } from 'node:util'
import { SetupError } from '../scripts/setup/say.mjs'

/**
 * @param {string[]} argv
 * @param {import('node:util').ParseArgsConfig['options']} options
 * @throws SetupError for an unknown option
 */
export function readArguments(argv, options) {
  try {
    return parseArgs({ args: argv, options }).values
  } catch (error) {
    throw new SetupError(`${error.message}; see --help`)
  }
}

/** A comma-separated list of names; without one, all known names. @throws SetupError for an unknown name */
export function listOf(text, known, flag) {
  const names = text?.split(',') ?? known
  const unknown = names.find(name => !known.includes(name))
  if (unknown !== undefined) throw new SetupError(`${flag}: "${unknown}" is not one of ${known.join(', ')}`)
  return names
}

/** @throws SetupError unless it is a number above 0 and at most 60 */
export function numberOf(text, otherwise, flag) {
  const number = Number(text ?? otherwise)
  if (!(number > 0 && number <= 60)) throw new SetupError(`${flag} must be above 0 and at most 60`)
  return number
}
