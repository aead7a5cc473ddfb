/** Tables of texts: one that sorts, and one under its title whose rows can be found by what stands in them. For thousands of rows, not for packet streams. */
import { memo, useId, useMemo, useState, type KeyboardEvent } from 'react'
import './DataTable.css'
import { filterRows } from './filter-rows.ts'
import { nextOrder, sortedRows, type RowEntry, type RowOrder, type RowTexts } from './sorted-rows.ts'

export interface DataTableProps {
  readonly title: string
  readonly empty: string
  /** The same ones for as long as the table is there. */
  readonly columns: readonly string[]
  /** How a column is called to people. */
  readonly heading: (column: string) => string
  /** In the order in which they came, or changed. */
  readonly rows: ReadonlyMap<string, RowTexts>
}

/** Rows drawn at most: thousands would be laid out anew with each that changes. */
const ROWS_SHOWN_MAX = 300
const FILTER_LENGTH_MAX = 256

/** The newest rows stand first; a filter finds any of them. */
export function DataTable({ title, empty, columns, heading, rows }: DataTableProps) {
  const [filter, setFilter] = useState('')
  const countId = useId()
  const found = useMemo(() => filterRows([...rows].reverse(), columns, filter), [rows, columns, filter])
  const isFiltered = filter.trim() !== ''
  const count = countText(found.length, rows.size, isFiltered)
  const told = useMemo(() => isFiltered ? count : '', [filter]) // what comes meanwhile is not told: it may come many times a second
  const press = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || filter === '') return
    event.preventDefault() // the next one leaves the field
    setFilter('')
  }
  return (
    <section aria-label={title}>
      <div className="table-head">
        <h2>{title}</h2>
        <p id={countId} className="table-count">{count}</p>
        <p className="visually-hidden" role="status">{told}</p>
        <input
          className="field-input table-filter" type="search" aria-label={`Filter ${title}`} aria-describedby={countId} placeholder="Filter" spellCheck={false} autoComplete="off"
          maxLength={FILTER_LENGTH_MAX} value={filter} onChange={event => setFilter(event.target.value)} onKeyDown={press}
        />
      </div>
      <SortedTable label={title} empty={isFiltered && rows.size > 0 ? `No row has “${filter.trim()}” in it.` : empty} columns={columns} heading={heading} rows={found} />
    </section>
  )
}

/** `12 of 1,204 rows`. */
function countText(found: number, all: number, isFiltered: boolean): string {
  if (all === 0) return ''
  const rows = isFiltered ? `${inWords(found)} of ${inWords(all)} rows` : all === 1 ? '1 row' : `${inWords(all)} rows`
  return found > ROWS_SHOWN_MAX ? `${rows}, ${ROWS_SHOWN_MAX} shown` : rows
}

const inWords = (count: number) => count.toLocaleString('en')

export interface SortedTableProps extends Pick<DataTableProps, 'empty' | 'columns' | 'heading'> {
  readonly label: string
  readonly rows: readonly RowEntry[]
}

/** Its columns sort it when they are pressed. */
export function SortedTable({ label, empty, columns, heading, rows }: SortedTableProps) {
  const [order, setOrder] = useState<RowOrder>()
  const shown = useMemo(() => sortedRows(rows, order).slice(0, ROWS_SHOWN_MAX), [rows, order])
  return (
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
