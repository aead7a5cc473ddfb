/** A table of texts: sortable columns, keyboard-navigable, a sentence where it is empty. For hundreds of rows, not for packet streams. */
import { useMemo, useState } from 'react'
import { Cell, Column, Row, Table, TableBody, TableHeader, type SortDescriptor } from 'react-aria-components'
import './DataTable.css'
import { sortedRows } from './sorted-rows.ts'

export interface DataTableProps {
  readonly label: string
  readonly empty: string
  readonly columns: readonly string[]
  /** How a column is called to people. */
  readonly heading: (column: string) => string
  readonly rows: ReadonlyMap<string, Readonly<Record<string, string>>>
}

/** Rows drawn at most: above some hundreds the table would no longer keep up with its updates. */
const ROWS_SHOWN_MAX = 300

export function DataTable({ label, empty, columns, heading, rows }: DataTableProps) {
  const [order, setOrder] = useState<SortDescriptor>()
  const shown = useMemo(() => sortedRows(rows, order).slice(0, ROWS_SHOWN_MAX), [rows, order])
  return (
    <div className="table-and-more">
      <div className="table-frame">
        <Table aria-label={label} className="table" onSortChange={setOrder} {...(order !== undefined && { sortDescriptor: order })}>
          <TableHeader>
            {columns.map((column, index) => (
              <Column key={column} id={column} isRowHeader={index === 0} allowsSorting className="table-column">
                {({ sortDirection }) => <>{heading(column)}<span className="table-sort" aria-hidden="true">{arrowOf(sortDirection)}</span></>}
              </Column>
            ))}
          </TableHeader>
          <TableBody renderEmptyState={() => <p className="table-empty">{empty}</p>}>
            {shown.map(([key, row]) => (
              <Row key={key} id={key} className="table-row">
                {columns.map(column => <Cell key={column} className="table-cell">{row[column] ?? ''}</Cell>)}
              </Row>
            ))}
          </TableBody>
        </Table>
      </div>
      {rows.size > shown.length && <p className="table-more">{shown.length} of {rows.size} rows are shown. Sort by another column to see others.</p>}
    </div>
  )
}

function arrowOf(direction: 'ascending' | 'descending' | undefined): string {
  if (direction === undefined) return ''
  return direction === 'ascending' ? '↑' : '↓'
}
