/** `npm run setup [-- start|test|make]`: only the first step of `npm start`, `npm test` and `npm run make`. */
import { fail, SetupError } from './setup/say.mjs'
import { prepare, prepareForTests } from './setup/prepare.mjs'

const purpose = process.argv[2] ?? 'start'
try {
  if (!['start', 'test', 'make'].includes(purpose)) throw new SetupError(`"${purpose}" is not one of start, test, make`)
  await (purpose === 'test' ? prepareForTests() : prepare(purpose))
} catch (error) {
  fail(error)
}
