/** When a crashed service comes back: 0.5 s, doubling to 30 s, for as long as it takes: where servers are left alone nobody switches one on again. */

const FORGET_AFTER_MS = 300_000
const LONGEST_DELAY_MS = 30_000

/**
 * How long to wait after a crash.
 * @param crashesAtMs times of the crashes, the one just seen included; those older than five minutes are forgotten
 */
export function restartDelayMs(crashesAtMs: readonly number[], nowMs: number): number {
  const recent = crashesAtMs.filter(atMs => nowMs - atMs < FORGET_AFTER_MS).length
  return Math.min(LONGEST_DELAY_MS, 250 * 2 ** recent)
}
