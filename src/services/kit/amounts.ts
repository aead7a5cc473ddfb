/** Times and sizes in human-readable form, with no more digits than a reader needs. */

/** 0.42 → "0.42 ms", 3.14 → "3.1 ms", 48.2 → "48 ms", 1530 → "1.5 s", 2_700_000 → "45 min", 27_000_000 → "7.5 h". */
export function formatMs(ms: number): string {
  if (ms >= 7_200_000) return `${(ms / 3_600_000).toFixed(1)} h`
  if (ms >= 120_000) return `${(ms / 60_000).toFixed(0)} min`
  if (ms >= 999.5) return `${(ms / 1000).toFixed(1)} s`
  return `${ms.toFixed(ms >= 9.95 ? 0 : ms >= 0.995 ? 1 : 2)} ms`
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

/** 999 B, 1.5 kB, 12 MB. */
export function formatBytes(bytes: number): string {
  if (bytes < 999.5) return `${Math.round(bytes)} B`
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes / 0.9995) / 3)) // 999.5 and above round to 1.0 of the next unit
  const value = bytes / 1000 ** power
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${UNITS[power] ?? ''}`
}
