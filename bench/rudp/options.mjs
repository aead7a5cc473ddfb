/** The options of `npm run bench:rudp -- …`. */
import { listOf, numberOf, readArguments } from '../arguments.mjs'
import { FAULTS, PAGES, TRANSFERS } from './cases.mjs'

export const CASES = ['self', ...TRANSFERS.map(({ name }) => name), ...PAGES.map(({ name }) => name), 'fairness', ...FAULTS.map(({ name }) => name), 'loopback']
const PEERS = ['tcp-cubic', 'tcp-bbr', 'quic', 'h3', 'kcp', 'rudp', 'rudp-cubic', 'node-tcp', 'node-alone', 'curl-tcp', 'rudp-dgram']

export const USAGE = `Measures RUDP against the kernel's TCP, quic-go and kcp-go over an emulated link, taking turns within one run. Needs root.

Usage: npm run bench:rudp -- [--only CASE,…] [--peers NAME,…] [--runs N] [--seconds S] [--quick] [--json FILE]

  --only CASE,…    some of ${CASES.join(', ')} (default: all)
  --peers NAME,…   some of ${PEERS.join(', ')} (default: those of each case)
  --runs N         number of turns for every peer (default: 3)
  --seconds S      length of each transfer (default: 6 to 20, depending on the case)
  --quick          one run
  --json FILE      where to write the numbers (default: test-results/bench-rudp.json)
  --help           this text
`

/** @throws SetupError for an unknown option or value */
export function parseOptions(argv) {
  const text = { type: 'string' }
  const values = readArguments(argv, { only: text, peers: text, runs: text, seconds: text, json: text, quick: { type: 'boolean' }, help: { type: 'boolean' } })
  return {
    help: values.help ?? false,
    cases: listOf(values.only, CASES, '--only'),
    peers: values.peers === undefined ? undefined : listOf(values.peers, PEERS, '--peers'),
    runs: numberOf(values.runs, values.quick ? 1 : 3, '--runs'),
    seconds: values.seconds === undefined ? undefined : numberOf(values.seconds, undefined, '--seconds'),
    json: values.json,
  }
}
