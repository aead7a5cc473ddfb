/** Numbers of several rounds made into one. */

/** The middle value; of an even number of values the mean of the two in the middle. NaN for none. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * How one server stands to another: the median over the rounds of the ratio within a round. What else the machine does meanwhile
 * slows both of a round, so the ratio bears it better than either number.
 */
export function ratio(rounds, otherRounds, measure) {
  const ratios = rounds.map((round, index) => measure(round) / measure(otherRounds[index] ?? {})).filter(Number.isFinite)
  return median(ratios)
}
