/** Checks that the emulator does what it is asked to, from the outside: with numbered datagrams, whose checksums the kernel verifies. */
import { join } from 'node:path'
import { nodeBinary } from '../../scripts/setup/places.mjs'
import { SetupError } from '../../scripts/setup/say.mjs'

const PROBER = join(import.meta.dirname, 'prober.mjs')
const PORT = 9000
const DONE_WITHIN_MS = 30_000
const SEED = 1

/**
 * keys: the link's (link/main.c). count, bytes, everyMs: what is sent. heldUpMs: how long the emulator is stopped from the first packet on.
 * sees: what must be measured. Random counts are within five standard deviations, times within what Node's own clock and timers take.
 */
const CHECKS = [
  { what: 'delay 25 ms', keys: { delay: 25 }, count: 500, bytes: 500, everyMs: 1, sees: [['delayMs', 25, 27], ['shortestMs', 25, 26], ['distinct', 500, 500], ['reordered', 0, 0]] },
  { what: 'delay 300 ms, with the emulator stopped while packets arrive', keys: { delay: 300 }, count: 100, bytes: 500, everyMs: 1, heldUpMs: 200, sees: [['delayMs', 300, 302], ['p90Ms', 300, 303], ['distinct', 100, 100]] },
  { what: 'jitter of 10 ms does not reorder', keys: { delay: 5, jitter: 10 }, count: 1000, bytes: 500, everyMs: 1, sees: [['delayMs', 9, 16], ['reordered', 0, 0], ['shortestMs', 5, 8]] },
  { what: '8 Mbit/s, offered 16', keys: { rate: 8e6, queue: 100_000 }, count: 2000, bytes: 972, everyMs: 0.5, sees: [['bitsPerSecond', 7.9e6, 8.1e6], ['p90Ms', 98, 102], ['distinct', 1050, 1150]] },
  { what: 'loss 10 %', keys: { loss: 0.1 }, count: 5000, bytes: 100, everyMs: 0.2, sees: [['distinct', 4394, 4606]] },
  { what: 'loss 10 % in bursts of 8', keys: { loss: 0.1, run: 8 }, count: 5000, bytes: 100, everyMs: 0.2, sees: [['distinct', 4100, 4900]] },
  { what: '20 % reordered by 5 ms', keys: { delay: 5, reorder: 0.2, by: 5 }, count: 2000, bytes: 100, everyMs: 1, sees: [['reordered', 300, 500], ['distinct', 2000, 2000], ['p90Ms', 10, 13]] },
  { what: '5 % duplicated', keys: { duplicate: 0.05 }, count: 5000, bytes: 100, everyMs: 0.2, sees: [['twice', 173, 327], ['distinct', 5000, 5000]] },
  { what: '5 % corrupted, dropped by the kernel', keys: { corrupt: 0.05 }, count: 5000, bytes: 1000, everyMs: 0.2, sees: [['distinct', 4673, 4827], ['corrupted', 0, 0]] },
  { what: '5 % corrupted, checksums repaired', keys: { corrupt: 0.05, mend: 1 }, count: 5000, bytes: 1000, everyMs: 0.2, sees: [['distinct', 4900, 5000], ['corrupted', 160, 327]] },
  { what: 'packets of 1,300 bytes pass when longer ones are dropped', keys: { longest: 1300 }, count: 100, bytes: 1272, everyMs: 1, sees: [['distinct', 100, 100]] },
  { what: 'packets of 1,301 bytes are dropped', keys: { longest: 1300 }, count: 100, bytes: 1273, everyMs: 1, sees: [['distinct', 0, 0]] },
]

/** @returns a line for each check, and whether it passed */
export async function checkItself(rig) {
  const results = []
  for (const check of CHECKS) {
    const seen = await probe(rig, check)
    const wrong = check.sees.filter(([name, least, most]) => !(seen[name] >= least && seen[name] <= most))
    const measured = check.sees.map(([name, least, most]) => `${name} ${round(seen[name])} (${least} to ${most})`).join(', ')
    results.push({ what: check.what, measured, isMet: wrong.length === 0 })
  }
  return results
}

async function probe(rig, { keys, count, bytes, everyMs, heldUpMs = 0 }) {
  const network = await rig.openNetwork()
  await network.begin(keys, SEED)
  const receiver = rig.start(network.onClient([nodeBinary(), PROBER, 'receive', network.clientAddress, String(PORT)]))
  await receiver.says(/ready/)
  const sender = rig.start(network.onServer([nodeBinary(), PROBER, 'send', network.clientAddress, String(PORT), ...[count, bytes, everyMs].map(String)]))
  if (heldUpMs > 0) await network.flow(1).then(() => network.holdUp(heldUpMs))
  if (await sender.ends(DONE_WITHIN_MS) !== 0 || await receiver.ends(DONE_WITHIN_MS) !== 0) throw new SetupError(`the prober failed: ${sender.words}${receiver.words}`)
  rig.closeNetwork(network)
  return JSON.parse(receiver.stdout)
}

const round = value => Math.round(value * 100) / 100
