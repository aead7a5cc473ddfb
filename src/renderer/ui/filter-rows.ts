/** Filters the rows of a table. */
import type { RowEntry } from './sorted-rows.ts'

/**
 * The rows in which one of the columns contains the text, ignoring case; all
 * rows if the filter is empty. Keeps their order.
 */
export function filterRows(rows: readonly RowEntry[], columns: readonly string[], filter: string): readonly RowEntry[] {
  const wanted = filter.trim().toLowerCase()
  if (wanted === '') return rows
  return rows.filter(([, row]) => columns.some(column => row[column]?.toLowerCase().includes(wanted)))
}
