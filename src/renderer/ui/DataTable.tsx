/** A table of texts: a button in each heading sorts by it, and a sentence stands where it is empty. For hundreds of rows, not for packet streams. */
import { memo, useMemo, useState } from 'react'
import './DataTable.css'
import { nextOrder, sortedRows, type RowOrder } from './sorted-rows.ts'

type RowTexts = Readonly<Record<string, string>>

export interface DataTableProps {
  readonly label: string
  readonly empty: string
  /** The same ones for as long as the table is there. */
  readonly columns: readonly string[]
  /** How a column is called to people. */
  readonly heading: (column: string) => string
  readonly rows: ReadonlyMap<string, RowTexts>
}

/** Rows drawn at most: thousands would be laid out anew with each that changes. */
const ROWS_SHOWN_MAX = 300

export function DataTable({ label, empty, columns, heading, rows }: DataTableProps) {
  const [order, setOrder] = useState<RowOrder>()
  const shown = useMemo(() => sortedRows(rows, order).slice(0, ROWS_SHOWN_MAX), [rows, order])
  return (
    <div className="table-and-more">
      <div className="table-frame" role="group" aria-label={label} tabIndex={0}>
        <table aria-label={label} className="table">
          <thead>
            <tr>
              {columns.map(column => {
                const direction = order?.column === column ? order.direction : undefined
                return (
                  <th key={column} scope="col" aria-sort={direction} className="table-column">
                    <button type="button" onClick={() => setOrder(nextOrder(order, column))}>
                      {heading(column)}<span className="table-sort" aria-hidden="true">{arrowOf(direction)}</span>
                    </button>
                  </th>
                )
              })}
            </tr>
          </thead>
          <tbody>
            {shown.map(([key, row]) => <TableRow key={key} row={row} columns={columns} />)}
            {shown.length === 0 && <tr><td colSpan={columns.length} className="table-empty">{empty}</td></tr>}
          </tbody>
        </table>
      </div>
      {rows.size > shown.length && <p className="table-more">{shown.length} of {rows.size} rows are shown. Sort by another column to see others.</p>}
    </div>
  )
}

interface TableRowProps {
  readonly row: RowTexts
  readonly columns: readonly string[]
}

/** Drawn again only where its texts are others: one row that changes costs what one row costs. */
const TableRow = memo(
  ({ row, columns }: TableRowProps) => <tr className="table-row">{columns.map(column => <td key={column} className="table-cell">{row[column] ?? ''}</td>)}</tr>,
  (before, after) => before.row === after.row,
)

function arrowOf(direction: RowOrder['direction'] | undefined): string {
  if (direction === undefined) return ''
  return direction === 'ascending' ? '↑' : '↓'
}
