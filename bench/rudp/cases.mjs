/** The links that are measured, and the peers on each. Impairments are the same in both directions; the queue is 1 BDP unless stated. */
import { conditions } from './network.mjs'

const EVERYBODY = ['tcp-cubic', 'tcp-bbr', 'quic', 'rudp']
const AND_KCP = [...EVERYBODY, 'kcp']

/** One endless body. `loss`: the fraction of packets lost, for the limit on IP bytes sent. */
export const TRANSFERS = [
  { name: 'clean', title: '20 Mbit/s 50 ms', link: conditions(20, 50), loss: 0, seconds: 8, peers: AND_KCP },
  { name: 'quarter', title: 'queue ¼ BDP', link: conditions(20, 50, { queueBdp: 0.25 }), loss: 0, seconds: 8, peers: EVERYBODY },
  { name: 'four', title: 'queue 4 BDP', link: conditions(20, 50, { queueBdp: 4 }), loss: 0, seconds: 8, peers: EVERYBODY },
  { name: 'reorder', title: 'reordering 5 % by 5 ms', link: conditions(20, 50, { reorder: 0.05, by: 5 }), loss: 0, seconds: 8, peers: EVERYBODY },
  { name: 'loss1', title: 'loss 1 %', link: conditions(20, 50, { loss: 0.01 }), loss: 0.01, seconds: 8, peers: EVERYBODY },
  { name: 'loss5', title: 'loss 5 %', link: conditions(20, 50, { loss: 0.05 }), loss: 0.05, seconds: 8, peers: AND_KCP },
  { name: 'loss10', title: 'loss 10 %', link: conditions(20, 50, { loss: 0.1 }), loss: 0.1, seconds: 8, peers: EVERYBODY },
  { name: 'burst', title: 'loss 2 % in bursts of 8', link: conditions(20, 50, { loss: 0.02, run: 8 }), loss: 0.02, seconds: 8, peers: EVERYBODY },
  { name: 'fast', title: '100 Mbit/s 20 ms', link: conditions(100, 20), loss: 0, seconds: 6, peers: EVERYBODY },
  { name: 'fast1', title: '100 Mbit/s 20 ms, loss 1 %', link: conditions(100, 20, { loss: 0.01 }), loss: 0.01, seconds: 6, peers: EVERYBODY },
  { name: 'slow', title: '2 Mbit/s 300 ms, loss 2 %', link: conditions(2, 300, { loss: 0.02 }), loss: 0.02, seconds: 20, peers: EVERYBODY },
]

/**
 * `count` pages of 30 KB, each on a new connection. `visited`: RUDP only, with the token of the previous visit. `awake`: the processors
 * are kept from sleeping (awake.mjs); the goals are judged by the other rows.
 */
export const PAGES = [
  { name: 'page', title: '20 Mbit/s 50 ms', link: conditions(20, 50), count: 20, peers: ['tcp-cubic', 'quic', 'h3', 'rudp'] },
  { name: 'page-again', title: 'return visit', link: conditions(20, 50), count: 20, visited: true, peers: ['rudp'] },
  { name: 'page-loss5', title: 'loss 5 %', link: conditions(20, 50, { loss: 0.05 }), count: 50, peers: ['tcp-cubic', 'quic', 'h3', 'rudp'] },
  { name: 'page-awake', title: '20 Mbit/s 50 ms, processors awake', link: conditions(20, 50), count: 20, awake: true, peers: ['tcp-cubic', 'quic', 'rudp'] },
  { name: 'page-again-awake', title: 'return visit, processors awake', link: conditions(20, 50), count: 20, visited: true, awake: true, peers: ['rudp'] },
]

/** Two endless bodies over 20 Mbit/s and 50 ms, the second one second after the first. */
export const FAIRNESS_LINK = conditions(20, 50)
export const PAIRS = [
  ['tcp-cubic', 'tcp-cubic'], ['tcp-cubic', 'rudp'], ['rudp', 'tcp-cubic'], ['rudp', 'rudp'],
  ['tcp-cubic', 'rudp-cubic'], ['rudp-cubic', 'tcp-cubic'], ['rudp-cubic', 'rudp-cubic'],
]

const [FAULTS_MBIT, FAULTS_RTT_MS] = [20, 50]
/**
 * Faults that a file of 10 MB has to survive over RUDP. `keys`: the link's phases in order, each `afterMs` after the previous one.
 */
export const FAULTS = [
  { name: 'corrupt', title: '1 % corrupted, checksums repaired', keys: [{ corrupt: 0.01, mend: 1 }] },
  { name: 'duplicate', title: '5 % duplicated', keys: [{ duplicate: 0.05 }] },
  { name: 'reorder20', title: '20 % reordered by 5 ms', keys: [{ reorder: 0.2, by: 5 }] },
  { name: 'outage', title: 'nothing passes for 5 s', keys: [{}, { afterMs: 1500, loss: 1 }, { afterMs: 5000 }] },
  { name: 'hole', title: 'packets over 1,300 bytes dropped', keys: [{ longest: 1300 }] },
  { name: 'late-hole', title: 'packets over 1,300 bytes dropped after 1.5 s', keys: [{}, { afterMs: 1500, longest: 1300 }] },
].map(({ keys, ...fault }) => ({ ...fault, phases: keys.map(({ afterMs = 0, ...more }) => ({ afterMs, link: conditions(FAULTS_MBIT, FAULTS_RTT_MS, more) })) }))
