/** The order of a table's rows. */

export type RowTexts = Readonly<Record<string, string>>
export type RowEntry = readonly [key: string, row: RowTexts]
export interface RowOrder {
  readonly column: string
  readonly direction: 'ascending' | 'descending'
}

/** As they came where no order is asked for; otherwise by one column, numbers inside the texts by value: 10.0.0.9 before 10.0.0.10. */
export function sortedRows(rows: readonly RowEntry[], order: RowOrder | undefined): readonly RowEntry[] {
  if (order === undefined) return rows
  const sign = order.direction === 'ascending' ? 1 : -1
  return [...rows].sort(([, a], [, b]) => sign * byValue.compare(a[order.column] ?? '', b[order.column] ?? ''))
}

/** The order when a column is pressed: that column upwards, then downwards. */
export function nextOrder(order: RowOrder | undefined, column: string): RowOrder {
  return { column, direction: order?.column === column && order.direction === 'ascending' ? 'descending' : 'ascending' }
}

const byValue = new Intl.Collator('en', { numeric: true })
