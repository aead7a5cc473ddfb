/** What somebody meant who mistyped a word. */

/** More slips than this, or in more than a third of the word, make it another word. */
const SLIPS_MAX = 2

/** @returns the known word that `word` begins, or is begun by, or is a slip or two away from; undefined where there is none */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length < 3) return undefined
  const begun = known.find(each => each.startsWith(word) || word.startsWith(each))
  if (begun !== undefined) return begun
  const [near] = known.map(each => ({ each, slips: slipsBetween(word, each) })).sort((a, b) => a.slips - b.slips)
  return near !== undefined && near.slips <= Math.min(SLIPS_MAX, word.length / 3) ? near.each : undefined
}

/** Letters left out, added, exchanged for another, or for their neighbour: the distance of Damerau and Levenshtein, without later edits of a swapped pair. */
function slipsBetween(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity
  for (let row = 1; row <= a.length; row++) {
    const slips = [row]
    rows.push(slips)
    for (let column = 1; column <= b.length; column++) {
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1] ? at(row - 2, column - 2) + 1 : Infinity
      slips[column] = Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, at(row - 1, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1), swapped)
    }
  }
  return at(a.length, b.length)
}
