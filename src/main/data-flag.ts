/**
 * Reads `--data DIR` or `--data=DIR` from the app's arguments, which contain Chromium's flags too.
 * Chromium itself supports only the second form.
 */
import { UsageError } from '../services/kit/errors.ts'

const FLAG = '--data'

/**
 * @param argv all arguments of the process
 * @returns the folder as given; undefined without the flag
 * @throws UsageError if the flag has no value or is given twice
 */
export function readDataFlag(argv: readonly string[]): string | undefined {
  const [place, ...more] = [...argv.keys()].filter(index => argv[index] === FLAG || argv[index]?.startsWith(`${FLAG}=`))
  if (place === undefined) return undefined
  if (more.length > 0) throw new UsageError(`${FLAG} is given twice`, 'it takes one value', `give ${FLAG} once`)
  const value = argv[place] === FLAG ? argv[place + 1] : argv[place]?.slice(FLAG.length + 1)
  if (value === undefined || value === '' || value.startsWith('--')) throw new UsageError(`${FLAG} needs a value`, 'none was given', `write ${FLAG} DIR`)
  return value
}
