/** For tests of dissections: checks that the fields cover each byte exactly once. */
import type { Field } from '../dissection.ts'

/**
 * The first byte, from 0 to `length`, where a gap or an overlap begins; undefined if there is none. The parts of a field may leave bytes out,
 * but must stay within it.
 */
export function firstGap(fields: readonly Field[], length: number): number | undefined {
  let at = 0
  for (const { from, to, fields: parts = [] } of fields) {
    if (from !== at || to < from || parts.some(part => part.from < from || part.to > to)) return at
    at = to
  }
  return at === length ? undefined : at
}
