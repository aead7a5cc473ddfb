/**
 * A virtualized list with the newest row at its end. It follows the end until the user scrolls back, moves along the rows with
 * the keyboard, or pauses; then it stays still.
 */
import { useEffect, useId, useLayoutEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import { flushSync } from 'react-dom'
import { endPx, rowsDrawn, topPxFor, type Geometry } from './row-list.ts'
import './RowList.css'

export interface RowListProps<Row> {
  readonly label: string
  readonly geometry: Geometry
  readonly rows: readonly Row[]
  readonly isFollowing: boolean
  /** Index of the selected row. */
  readonly cursor: number | undefined
  readonly keyOf: (row: Row) => number
  /** A row in words, for screen readers. */
  readonly sentenceOf: (row: Row) => string
  /** Renders a row. */
  readonly children: (row: Row) => ReactNode
  readonly onFollow: () => void
  readonly onPause: () => void
  /** A row was selected: the list pauses there. */
  readonly onGo: (index: number) => void
}

/** Within this distance the list counts as scrolled to its end, because browsers round. */
const END_PX = 4

export function RowList<Row>({ label, geometry, rows, isFollowing, cursor, keyOf, sentenceOf, children, onFollow, onPause, onGo }: RowListProps<Row>) {
  const list = useRef<HTMLDivElement>(null)
  const ids = useId()
  const [scrolledPx, setScrolledPx] = useState(0)
  const count = rows.length
  const { rowPx, rowsInView } = geometry
  const topPx = isFollowing ? endPx(geometry, count) : scrolledPx
  const isPrinted = useIsPrinted()
  const { from, to } = isPrinted ? { from: 0, to: count } : rowsDrawn(geometry, topPx, count)
  const steps: Readonly<Record<string, number>> = { ArrowUp: -1, ArrowDown: 1, PageUp: -rowsInView, PageDown: rowsInView, Home: -Infinity }
  const idOf = (index: number) => `${ids}${index}`
  useLayoutEffect(() => { if (list.current !== null && isFollowing) list.current.scrollTop = endPx(geometry, count) }, [count, isFollowing, geometry])

  const scroll = (atPx: number) => {
    const isAtEnd = atPx >= endPx(geometry, count) - END_PX
    setScrolledPx(atPx)
    // A list paused at its end stays paused; only scrolling back to the end resumes following.
    if (isFollowing && !isAtEnd) onPause()
    else if (!isFollowing && cursor === undefined && isAtEnd && atPx > scrolledPx) onFollow()
  }
  const go = (index: number) => {
    const atPx = topPxFor(geometry, index, topPx)
    setScrolledPx(atPx)
    onGo(index)
    if (list.current !== null) list.current.scrollTop = atPx
  }
  const press = (event: KeyboardEvent) => {
    const step = steps[event.key]
    if (event.key === 'End') onFollow()
    else if (step !== undefined && count > 0) go(Math.min(count - 1, Math.max(0, (cursor ?? count) + step)))
    else return
    event.preventDefault()
  }
  return (
    <div
      className="row-list" ref={list} style={{ height: rowsInView * rowPx }} tabIndex={0} role="listbox" aria-label={label}
      aria-activedescendant={cursor !== undefined && cursor >= from && cursor < to ? idOf(cursor) : undefined}
      onKeyDown={press} onScroll={event => scroll(event.currentTarget.scrollTop)}
    >
      <div role="presentation" className="row-list-all" style={{ height: count * rowPx }}>
        {rows.slice(from, to).map((row, place) => {
          const index = from + place
          return (
            <div
              key={keyOf(row)} id={idOf(index)} className="row-list-row" role="option" aria-label={sentenceOf(row)} aria-selected={index === cursor} aria-posinset={index + 1}
              aria-setsize={count} style={{ top: index * rowPx, height: rowPx }} onClick={() => go(index)}
            >
              {children(row)}
            </div>
          )
        })}
      </div>
    </div>
  )
}

/** For printing, all rows are rendered, synchronously before `beforeprint` returns. */
function useIsPrinted(): boolean {
  const [isPrinted, setPrinted] = useState(false)
  useEffect(() => {
    const begin = () => flushSync(() => setPrinted(true))
    const end = () => setPrinted(false)
    window.addEventListener('beforeprint', begin)
    window.addEventListener('afterprint', end)
    return () => {
      window.removeEventListener('beforeprint', begin)
      window.removeEventListener('afterprint', end)
    }
  }, [])
  return isPrinted
}
