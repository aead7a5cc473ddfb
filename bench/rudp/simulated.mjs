/**
 * RUDP over a simulated bottleneck, in virtual time: no noise, and the same figures on every machine. Printed beside what the
 * kernel's TCP and quic-go reached over a real emulated link (docs/decisions/congestion-control.md).
 *
 *     node bench/rudp/simulated.mjs [controller …]
 */
import { CONGESTION_NAMES } from '../../src/services/rudp/core/congestion/congestion.ts'
import { measureFairness, measurePages, measureShare } from '../../src/services/rudp/testing/simulation.ts'

const MBIT = 1e6
const at = (rateMbit, rttMs, more = {}) => ({ rateBitsPerSecond: rateMbit * MBIT, rttMs, ...more })
const CASES = [
  ['20 Mbit/s 50 ms', at(20, 50), 8, 'goal .93'], ['loss 1 %', at(20, 50, { loss: 0.01 }), 8, 'kernel bbr .88, cubic .15'],
  ['loss 5 %', at(20, 50, { loss: 0.05 }), 8, 'kernel bbr .80, cubic .05'], ['loss 10 %', at(20, 50, { loss: 0.1 }), 8, 'kernel bbr .65, cubic .04'],
  ['bursts of 8, 2 %', at(20, 50, { loss: 0.02, lossRun: 8 }), 8, 'kernel bbr .91, cubic .21'],
  ['reordering 5 % by 5 ms', at(20, 50, { reordering: 0.05, reorderMs: 5 }), 8, 'goal .92'], ['queue ¼ BDP', at(20, 50, { queueBdp: 0.25 }), 8, 'goal .88'],
  ['queue 4 BDP', at(20, 50, { queueBdp: 4 }), 8, 'goal: ≤ 10 ms of queue'], ['busy peers (10 ms in 300)', at(20, 50, { pauses: { everyMs: 300, lengthMs: 10 } }), 8, ''], ['100 Mbit/s 20 ms', at(100, 20), 6, 'goal .93'],
  ['100 Mbit/s 20 ms 1 %', at(100, 20, { loss: 0.01 }), 6, 'kernel bbr .87'], ['2 Mbit/s 300 ms 2 %', at(2, 300, { loss: 0.02 }), 20, 'kernel bbr .85'],
]
const controllers = process.argv.length > 2 ? process.argv.slice(2) : CONGESTION_NAMES
const share = value => value.toFixed(3).replace(/^0/, '')

console.log(`${'goodput / link rate'.padEnd(26)}${controllers.map(name => name.padEnd(34)).join('')}`)
for (const [name, bottleneck, seconds, goal] of CASES) {
  const cells = controllers.map(controller => {
    const { goodput, wire, acks, queueMs } = measureShare(controller, bottleneck, seconds * 1000)
    const paid = wire * (1 - (bottleneck.loss ?? 0))
    return `${share(goodput)} wire×${paid.toFixed(3)} ack ${(acks * 100).toFixed(1)}% q ${queueMs.toFixed(1)}`.padEnd(34)
  })
  console.log(`${name.padEnd(26)}${cells.join('')}${goal}`)
}

console.log('\ntwo flows, the second one second later, 14 s: shares with three seeds, mean of the weaker, of Jain')
for (const pair of [['bbr', 'bbr'], ['cubic', 'bbr'], ['bbr', 'cubic'], ['cubic', 'cubic'], ['reno', 'reno']]) {
  const runs = [1, 2, 3].map(seed => measureFairness(pair, at(20, 50), 14_000, seed))
  const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length
  const weaker = mean(runs.map(({ shares }) => Math.min(...shares)))
  console.log(`${pair.join(' + ').padEnd(26)}${runs.map(({ shares }) => shares.map(share).join('/')).join('  ')}   ${share(weaker)}  ${mean(runs.map(({ jain }) => jain)).toFixed(3)}`)
}

console.log('\npage of 30 KB, round trips: median, p90')
const row = (name, times, goal) => console.log(`${name.padEnd(26)}${times[times.length >> 1].toFixed(2)}  ${times[Math.floor(times.length * 0.9)].toFixed(2)}   ${goal}`)
row('new connection', measurePages(at(20, 50), 20, false), 'goal 2.3 (TCP 3.24, quic-go 2.40)')
row('return visit', measurePages(at(20, 50), 20, true), 'goal 1.3')
row('new, 5 % lost both ways', measurePages(at(20, 50, { loss: 0.05 }), 500, false), 'goal 3.2, 4.8 (TCP 4.15, 24.8; HTTP/3 3.43, 5.2)')
row('return visit, 5 % lost', measurePages(at(20, 50, { loss: 0.05 }), 500, true), '')
row('new, 2 Mbit/s 300 ms 2 %', measurePages(at(2, 300, { loss: 0.02 }), 200, false), 'quic-go 3.21')
