/** What may be asked of `npm run bench:dns -- …`. */
import { parseArgs } from 'node:util'
import { SetupError } from '../../scripts/setup/say.mjs'

export const USAGE = `Measures hamlet dns beside other DNS servers, in turns within one run.

Usage: npm run bench:dns -- [--peers NAME,…] [--rounds N] [--seconds S] [--only PART,…] [--quick] [--json FILE]

  --peers NAME,…   these servers only (all that are installed)
  --rounds N       how often every server has its turn (3)
  --seconds S      length of one measurement (2)
  --only PART,…    of flood, dnsperf, paced, misses (all)
  --quick          one round of one second, without dnsperf
  --json FILE      where the numbers go (test-results/bench-dns.json)
  --help           this text
`

export const PARTS = ['flood', 'dnsperf', 'paced', 'misses']

/**
 * @param {string[]} argv
 * @param {readonly string[]} peerNames
 * @throws SetupError for what it does not know
 */
export function parseOptions(argv, peerNames) {
  const { values } = read(argv)
  const quick = values.quick ?? false
  return {
    help: values.help ?? false,
    peers: listOf(values.peers, peerNames, '--peers'),
    rounds: numberOf(values.rounds, quick ? 1 : 3, '--rounds'),
    seconds: numberOf(values.seconds, quick ? 1 : 2, '--seconds'),
    parts: listOf(values.only, PARTS, '--only').filter(part => !quick || part !== 'dnsperf'),
    json: values.json,
  }
}

function read(argv) {
  const text = { type: 'string' }
  try {
    return parseArgs({ args: argv, options: { peers: text, rounds: text, seconds: text, only: text, json: text, quick: { type: 'boolean' }, help: { type: 'boolean' } } })
  } catch (error) {
    throw new SetupError(`${error.message} See --help.`)
  }
}

function listOf(text, known, flag) {
  const names = text?.split(',') ?? known
  const unknown = names.find(name => !known.includes(name))
  if (unknown !== undefined) throw new SetupError(`${flag}: "${unknown}" is none of ${known.join(', ')}`)
  return names
}

function numberOf(text, otherwise, flag) {
  const number = Number(text ?? otherwise)
  if (!(number > 0 && number <= 60)) throw new SetupError(`${flag} must be above 0 and at most 60`)
  return number
}
