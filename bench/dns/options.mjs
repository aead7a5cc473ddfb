/** The options of `npm run bench:dns -- …`. */
import { listOf, numberOf, readArguments } from '../arguments.mjs'

export const USAGE = `Compares hamlet dns with other DNS servers, in turns within one run.

Usage: npm run bench:dns -- [--peers NAME,…] [--rounds N] [--seconds S] [--only PART,…] [--quick] [--json FILE]

  --peers NAME,…   only these servers (default: all that are installed)
  --rounds N       turns per server (default: 3)
  --seconds S      length of one measurement (default: 2)
  --only PART,…    flood, dnsperf, paced, misses (default: all)
  --quick          one round of one second, without dnsperf
  --json FILE      where to write the results (default: test-results/bench-dns.json)
  --help           print this text
`

const PARTS = ['flood', 'dnsperf', 'paced', 'misses']

/**
 * @param {string[]} argv
 * @param {readonly string[]} peerNames
 * @throws SetupError for an unknown option or value
 */
export function parseOptions(argv, peerNames) {
  const text = { type: 'string' }
  const values = readArguments(argv, { peers: text, rounds: text, seconds: text, only: text, json: text, quick: { type: 'boolean' }, help: { type: 'boolean' } })
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
