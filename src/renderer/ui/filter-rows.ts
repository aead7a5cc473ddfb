/** Which rows of a table a person means who types some letters of what stands in them. */
import type { RowEntry } from './sorted-rows.ts'

/** Those in which one of the columns has this text, large letters being small ones; all of them where nothing is asked for. Their order stays. */
export function filterRows(rows: readonly RowEntry[], columns: readonly string[], filter: string): readonly RowEntry[] {
  const wanted = filter.trim().toLowerCase()
  if (wanted === '') return rows
  return rows.filter(([, row]) => columns.some(column => row[column]?.toLowerCase().includes(wanted)))
}
