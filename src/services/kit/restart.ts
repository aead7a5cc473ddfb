/**
 * When to restart a crashed service: after 0.5 s, doubling to 30 s, and without giving up: on an unattended server, nobody would
 * switch it on again.
 */

const FORGET_AFTER_MS = 300_000
const LONGEST_DELAY_MS = 30_000

/**
 * How long to wait after a crash.
 * @param crashesAtMs the times of the crashes, including the latest; those older than five minutes do not count
 */
export function restartDelayMs(crashesAtMs: readonly number[], nowMs: number): number {
  const recent = crashesAtMs.filter(atMs => nowMs - atMs < FORGET_AFTER_MS).length
  return Math.min(LONGEST_DELAY_MS, 250 * 2 ** recent)
}
