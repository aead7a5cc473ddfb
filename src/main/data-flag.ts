/** `--data DIR` or `--data=DIR` among the arguments of the app, where Chromium's own flags stand too. Chromium itself reads the second only. */
import { UsageError } from '../services/kit/errors.ts'

const FLAG = '--data'

/**
 * @param argv all arguments of the process
 * @returns the folder as it was given; undefined: it was not
 * @throws UsageError where the flag has no value, or stands twice
 */
export function readDataFlag(argv: readonly string[]): string | undefined {
  const [place, ...more] = [...argv.keys()].filter(index => argv[index] === FLAG || argv[index]?.startsWith(`${FLAG}=`))
  if (place === undefined) return undefined
  if (more.length > 0) throw new UsageError(`${FLAG} stands twice`, 'it takes one value', `give ${FLAG} once`)
  const value = argv[place] === FLAG ? argv[place + 1] : argv[place]?.slice(FLAG.length + 1)
  if (value === undefined || value === '' || value.startsWith('--')) throw new UsageError(`${FLAG} needs a value`, 'none was given', `write ${FLAG} DIR`)
  return value
}
