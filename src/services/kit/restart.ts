/** When a crashed service comes back: 0.5 s, doubling to 30 s; eight crashes in five minutes and it stays down. */

const FORGET_AFTER_MS = 300_000
const GIVE_UP_AT = 8

/**
 * How long to wait after a crash.
 * @param crashesAtMs times of the crashes, the one just seen included; those older than five minutes are forgotten
 */
export function restartDelayMs(crashesAtMs: readonly number[], nowMs: number): number | 'give up' {
  const recent = crashesAtMs.filter(atMs => nowMs - atMs < FORGET_AFTER_MS).length
  return recent >= GIVE_UP_AT ? 'give up' : Math.min(30_000, 250 * 2 ** recent)
}
