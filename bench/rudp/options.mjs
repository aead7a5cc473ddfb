/** What may be asked of `npm run bench:rudp -- …`. */
import { listOf, numberOf, readArguments } from '../arguments.mjs'
import { NIGHTS, PAGES, TRANSFERS } from './cases.mjs'

export const CASES = ['self', ...TRANSFERS.map(({ name }) => name), ...PAGES.map(({ name }) => name), 'fairness', ...NIGHTS.map(({ name }) => name), 'loopback']
const PEERS = ['tcp-cubic', 'tcp-bbr', 'quic', 'h3', 'kcp', 'rudp', 'rudp-cubic', 'node-tcp', 'node-alone', 'curl-tcp', 'rudp-dgram']

export const USAGE = `Measures RUDP beside the kernel's TCP, quic-go and kcp-go over an emulated link, in turns within one run. Needs root.

Usage: npm run bench:rudp -- [--only CASE,…] [--peers NAME,…] [--runs N] [--seconds S] [--quick] [--json FILE]

  --only CASE,…    of ${CASES.join(', ')} (all)
  --peers NAME,…   of ${PEERS.join(', ')} (those that each case names)
  --runs N         how often every peer has its turn (3)
  --seconds S      length of each transfer (6 to 20, as each case says)
  --quick          one run
  --json FILE      where the numbers go (test-results/bench-rudp.json)
  --help           this text
`

/** @throws SetupError for what it does not know */
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
