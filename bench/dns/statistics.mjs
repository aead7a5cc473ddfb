/** Summaries over several rounds. */

/** The middle value, or the mean of the middle two. NaN for no values. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * Compares two servers: the median over the rounds of the ratio within each round. Other load on the machine slows both servers
 * of a round, so it affects their ratio less than either number.
 */
export function ratio(rounds, otherRounds, measure) {
  const ratios = rounds.map((round, index) => measure(round) / measure(otherRounds[index] ?? {})).filter(Number.isFinite)
  return median(ratios)
}
