/** For tests of dissections: whether fields say of each byte what it is, once. */
import type { Field } from '../dissection.ts'

/** The byte at which fields do not follow one another without a gap, from 0 to `length`; undefined where all is well. Parts may leave bytes out, but stay within their field. */
export function firstGap(fields: readonly Field[], length: number): number | undefined {
  let at = 0
  for (const { from, to, fields: parts = [] } of fields) {
    if (from !== at || to < from || parts.some(part => part.from < from || part.to > to)) return at
    at = to
  }
  return at === length ? undefined : at
}
