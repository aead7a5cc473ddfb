/**
 * Text tables: SortedTable sorts by column, DataTable adds a title, a count and a filter. For
 * thousands of rows, but not for packet streams.
 */
import { memo, useId, useMemo, useState, type KeyboardEvent } from 'react'
import './DataTable.css'
import { filterRows } from './filter-rows.ts'
import { nextOrder, sortedRows, type RowEntry, type RowOrder, type RowTexts } from './sorted-rows.ts'

export interface DataTableProps {
  readonly title: string
  readonly empty: string
  /** Must not change between renders. */
  readonly columns: readonly string[]
  /** A column's heading. */
  readonly heading: (column: string) => string
  /** Oldest change first. */
  readonly rows: ReadonlyMap<string, RowTexts>
}

/** Most rows rendered: with thousands, every change would be a slow layout. */
const ROWS_SHOWN_MAX = 300
const FILTER_LENGTH_MAX = 256

/** Shows the newest rows first; the filter searches all of them. */
export function DataTable({ title, empty, columns, heading, rows }: DataTableProps) {
  const [filter, setFilter] = useState('')
  const countId = useId()
  const found = useMemo(() => filterRows([...rows].reverse(), columns, filter), [rows, columns, filter])
  const isFiltered = filter.trim() !== ''
  const count = countText(found.length, rows.size, isFiltered)
  const announced = useMemo(() => isFiltered ? count : '', [filter]) // not when rows change, which may be many times a second
  const press = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || filter === '') return
    event.preventDefault() // the first Escape clears the filter, the next one leaves the field
    setFilter('')
  }
  return (
    <section aria-label={title}>
      <div className="table-head">
        <h2>{title}</h2>
        <p id={countId} className="table-count">{count}</p>
        <p className="visually-hidden" role="status">{announced}</p>
        <input
          className="field-input table-filter" type="search" aria-label={`Filter ${title}`} aria-describedby={countId} placeholder="Filter" spellCheck={false} autoComplete="off"
          maxLength={FILTER_LENGTH_MAX} value={filter} onChange={event => setFilter(event.target.value)} onKeyDown={press}
        />
      </div>
      <SortedTable label={title} empty={isFiltered && rows.size > 0 ? `No rows contain “${filter.trim()}”.` : empty} columns={columns} heading={heading} rows={found} />
    </section>
  )
}

/** `12 of 1,204 rows`. */
function countText(found: number, all: number, isFiltered: boolean): string {
  if (all === 0) return ''
  const rows = isFiltered ? `${grouped(found)} of ${grouped(all)} rows` : all === 1 ? '1 row' : `${grouped(all)} rows`
  return found > ROWS_SHOWN_MAX ? `${rows}, ${ROWS_SHOWN_MAX} shown` : rows
}

const grouped = (count: number) => count.toLocaleString('en')

export interface SortedTableProps extends Pick<DataTableProps, 'empty' | 'columns' | 'heading'> {
  readonly label: string
  readonly rows: readonly RowEntry[]
}

/** A table that sorts by a column when its heading is pressed. */
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

/** Rendered again only when its own texts change. */
const TableRow = memo(
  ({ row, columns }: TableRowProps) => <tr className="table-row">{columns.map(column => <td key={column} className="table-cell">{row[column] ?? ''}</td>)}</tr>,
  (before, after) => before.row === after.row,
)

function arrowOf(direction: RowOrder['direction'] | undefined): string {
  if (direction === undefined) return ''
  return direction === 'ascending' ? '↑' : '↓'
}
