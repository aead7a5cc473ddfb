/**
 * V8 collects garbage whenever a certain amount has been added to what survived the last collection. Buffer memory counts, and the
 * smallest step is 16 MB. A process with a small heap that moves large bodies takes that step every few hundredths of a second, and each
 * time marks its whole heap, on all cores: that was more than half of the CPU time of a transfer (docs/decisions/garbage-collection.md).
 */
import { setFlagsFromString } from 'node:v8'

/** Collect when the heap has grown to eleven times what the last collection left. */
const GROWTH_PERCENT = 1000
/** This V8 accounts buffer memory separately, with a step of its own, unless a flag says otherwise. Others do not know the flag and would complain. */
const COUNTS_BUFFERS_APART = /^13\./

/** For processes that move a lot and keep little: a heap of 12 MB is collected at 130 MB instead of 28 MB. Not for those that keep a lot. */
export function collectLessOften(): void {
  if (COUNTS_BUFFERS_APART.test(process.versions.v8)) setFlagsFromString('--external-memory-accounted-in-global-limit')
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`)
}
