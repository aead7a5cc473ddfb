/** Amounts as people read them: never more digits than a person compares. */

/** 0.42 → "0.42 ms", 3.14 → "3.1 ms", 48.2 → "48 ms", 1530 → "1.5 s"; from two minutes on "45 min", from two hours on "7.5 h". */
export function formatMs(ms: number): string {
  if (ms >= 7_200_000) return `${(ms / 3_600_000).toFixed(1)} h`
  if (ms >= 120_000) return `${(ms / 60_000).toFixed(0)} min`
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`
  return `${ms.toFixed(ms >= 10 ? 0 : ms >= 1 ? 1 : 2)} ms`
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

/** 999 B, 1.5 kB, 12 MB. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[power] ?? ''}`
}
