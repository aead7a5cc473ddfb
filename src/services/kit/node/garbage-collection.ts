/**
 * V8 collects garbage each time that so much has come to what outlived the last collection; memory of buffers counts, and the least
 * step is 16 MB. A process with a small heap that moves large bodies takes that step every few hundredths of a second, and walks its
 * whole heap each time, on all cores: it was more than half of the CPU time of a transfer (docs/decisions/garbage-collection.md).
 */
import { setFlagsFromString } from 'node:v8'

/** The next collection comes when there is eleven times as much as the last one left. */
const GROWTH_PERCENT = 1000
/** It counts the memory of buffers apart, with a step of its own, unless told not to; others know no such flag, and would complain. */
const COUNTS_BUFFERS_APART = /^13\./

/** For processes that move bodies and keep little: a heap of 12 MB is collected at 130 instead of at 28. Not for those that keep much. */
export function collectLessOften(): void {
  if (COUNTS_BUFFERS_APART.test(process.versions.v8)) setFlagsFromString('--external-memory-accounted-in-global-limit')
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`)
}
