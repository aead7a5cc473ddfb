/** Range requests (RFC 9110 §14), parsed strictly: a field that is not exactly one byte range is ignored, as §14.2 allows. */

export type RangeAnswer =
  /** No range that this server supports: the whole representation is sent with 200. */
  | { readonly kind: 'whole' }
  /** The bytes `first` to `last`, both included: 206. */
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  /** The range lies outside the representation: 416. */
  | { readonly kind: 'unsatisfiable' }

/**
 * Parses a Range field. Several ranges in one field are answered with the whole representation: no browser needs them,
 * and many small ones are a known way to overload a server (§14.2).
 * @param field the field's value, or undefined if there is none
 */
export function parseRange(field: string | undefined, lengthBytes: number): RangeAnswer {
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(field ?? '')
  const first = match?.[1] ?? ''
  const last = match?.[2] ?? ''
  if (first === '' && last === '') return { kind: 'whole' }
  if (first === '') {
    const suffixBytes = Number(last)
    if (suffixBytes === 0 || lengthBytes === 0) return { kind: 'unsatisfiable' }
    return { kind: 'part', first: Math.max(0, lengthBytes - suffixBytes), last: lengthBytes - 1 }
  }
  const from = Number(first)
  const to = last === '' ? Infinity : Number(last)
  if (to < from) return { kind: 'whole' } // §14.1.1: an invalid specifier
  if (from >= lengthBytes) return { kind: 'unsatisfiable' }
  return { kind: 'part', first: from, last: Math.min(to, lengthBytes - 1) }
}
