/** Numbers of several measurements made into one, beside those of bench/dns/statistics.mjs. */

/** The value that a part of all do not exceed; NaN for none. */
export function percentile(values, part) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? NaN
}

/** What was measured in the rounds, where it was. */
export function valuesOf(rounds, measure) {
  return rounds.map(measure).filter(value => value !== undefined && !Number.isNaN(value))
}
