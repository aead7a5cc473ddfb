/** Suggests the known word that the user meant by a misspelled one. */

/** A word with more typos than this, or with typos in more than a third of its letters, is another word. */
const TYPOS_MAX = 2

/**
 * @returns a known word that starts with `word`, or that `word` starts with, or that is one or two typos away;
 * undefined if there is none
 */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  if (word.length < 3) return undefined
  const begun = known.find(each => each.startsWith(word) || word.startsWith(each))
  if (begun !== undefined) return begun
  const [nearest] = known.map(each => ({ each, typos: editDistance(word, each) })).sort((a, b) => a.typos - b.typos)
  return nearest !== undefined && nearest.typos <= Math.min(TYPOS_MAX, word.length / 3) ? nearest.each : undefined
}

/** The Damerau–Levenshtein distance (optimal string alignment): letters omitted, added, replaced, or transposed. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity
  for (let row = 1; row <= a.length; row++) {
    const distances = [row]
    rows.push(distances)
    for (let column = 1; column <= b.length; column++) {
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1] ? at(row - 2, column - 2) + 1 : Infinity
      distances[column] = Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, at(row - 1, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1), swapped)
    }
  }
  return at(a.length, b.length)
}
