/** Statistics over several measurements, in addition to bench/dns/statistics.mjs. */

/** The value that the given part of all values do not exceed; NaN for none. */
export function percentile(values, part) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? NaN
}

/** The measured values of the rounds, without rounds that have none. */
export function valuesOf(rounds, measure) {
  return rounds.map(measure).filter(value => value !== undefined && !Number.isNaN(value))
}
