/**
 * V8 collects garbage each time that so much has come to what outlived the last collection; memory of buffers counts, and the least
 * step is 16 MB. A process with a small heap that moves large bodies takes that step every few hundredths of a second, and walks its
 * whole heap each time, on all cores: it was more than half of the CPU time of a transfer (docs/decisions/garbage-collection.md).
 */
import { setFlagsFromString } from 'node:v8'

/** The next collection comes when there is five times as much as the last one left. */
const GROWTH_PERCENT = 400

/** For processes that move bodies and keep little: a heap of 12 MB is collected at 60 instead of at 28. Not for those that keep much. */
export function collectLessOften(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`)
}
