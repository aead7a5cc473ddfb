/** Sorts the rows of a table. */

export type RowTexts = Readonly<Record<string, string>>
export type RowEntry = readonly [key: string, row: RowTexts]
export interface RowOrder {
  readonly column: string
  readonly direction: 'ascending' | 'descending'
}

/**
 * Sorts by one column, with numbers inside texts compared by value: 10.0.0.9 before
 * 10.0.0.10. Without an order, rows stay as they are.
 */
export function sortedRows(rows: readonly RowEntry[], order: RowOrder | undefined): readonly RowEntry[] {
  if (order === undefined) return rows
  const sign = order.direction === 'ascending' ? 1 : -1
  return [...rows].sort(([, a], [, b]) => sign * byValue.compare(a[order.column] ?? '', b[order.column] ?? ''))
}

/** The order after a column's heading is pressed: ascending first, then alternating. */
export function nextOrder(order: RowOrder | undefined, column: string): RowOrder {
  return { column, direction: order?.column === column && order.direction === 'ascending' ? 'descending' : 'ascending' }
}

const byValue = new Intl.Collator('en', { numeric: true })
