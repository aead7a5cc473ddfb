/**
 * The packets of the watched connection as a ladder: this end on the left, the peer on the right, time downwards, an arrow for each packet.
 * The newest is followed until the person scrolls back, goes along the rows with the keyboard, or pauses: then the picture stands still.
 */
import { useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react'
import { appServer } from '../../services/app-server/contract.ts'
import { client } from '../../services/client/contract.ts'
import { Button } from '../ui/Button.tsx'
import { lookAtPackets } from './actions.ts'
import { endPx, ladderOf, ROW_PX, ROWS_IN_VIEW, rowsInView, textOf, topPxFor, type RungText } from './ladder.ts'
import { shownPackets, useLab, type LabEnd, type Packets } from './store.ts'

export interface LadderProps {
  readonly end: LabEnd
  readonly peer: string
  /** Times are told from there. */
  readonly startMs: number
}

const SERVICES = { 'app-server': appServer, client }

const ROW_STEPS: Readonly<Record<string, number>> = { ArrowUp: -1, ArrowDown: 1, PageUp: -ROWS_IN_VIEW, PageDown: ROWS_IN_VIEW, Home: -Infinity }
/** Nearer to the end than this is at the end: browsers round. */
const END_PX = 4

export function Ladder({ end, peer, startMs }: LadderProps) {
  const live = useLab(shownPackets)
  const [paused, setPaused] = useState<Packets>()
  const [cursor, setCursor] = useState<number>()
  const [scrolledPx, setScrolledPx] = useState(0)
  const list = useRef<HTMLDivElement>(null)
  const packets = paused ?? live
  const ladder = useMemo(() => ladderOf(packets.rows, packets.next), [packets])
  const count = ladder.rungs.length
  const topPx = paused === undefined ? endPx(count) : scrolledPx
  const { from, to } = rowsInView(topPx, count)
  const current = cursor === undefined ? undefined : ladder.rungs[cursor]
  useEffect(() => lookAtPackets(end), [end])
  useLayoutEffect(() => { if (list.current !== null && paused === undefined) list.current.scrollTop = endPx(count) }, [count, paused])

  const follow = () => {
    setPaused(undefined)
    setCursor(undefined)
  }
  const pauseAt = (atPx: number) => {
    setPaused(packets)
    setScrolledPx(atPx)
  }
  const scroll = (atPx: number) => {
    const isAtEnd = atPx >= endPx(count) - END_PX
    // A picture that was paused at its end stays so: only who comes back to the end follows again.
    if (paused !== undefined && cursor === undefined && isAtEnd && atPx > scrolledPx) follow()
    else if (paused !== undefined || !isAtEnd) pauseAt(atPx)
  }
  const go = (index: number) => {
    const atPx = topPxFor(index, topPx)
    pauseAt(atPx)
    setCursor(index)
    if (list.current !== null) list.current.scrollTop = atPx
  }
  const press = (event: KeyboardEvent) => {
    const step = ROW_STEPS[event.key]
    if (event.key === 'End') follow()
    else if (step !== undefined && count > 0) go(Math.min(count - 1, Math.max(0, (cursor ?? count) + step)))
    else return
    event.preventDefault()
  }
  const readout = current !== undefined ? textOf(current.row, ladder, startMs).sentence
    : paused === undefined ? 'Move along the packets with the arrow keys; End follows the newest.'
    : live.next === paused.next ? 'Paused; nothing has come since.' : `Paused; ${live.next - paused.next} newer rows have come.`
  return (
    <div className="ladder">
      <div className="ladder-ends" aria-hidden="true"><span>ms</span><b>{SERVICES[end].title}</b><b>{peer}</b></div>
      <div
        className="ladder-list" ref={list} style={{ height: ROWS_IN_VIEW * ROW_PX }} tabIndex={0} role="listbox" aria-label="Packets, the newest at the end. Arrow keys move along them."
        aria-activedescendant={current !== undefined && cursor !== undefined && cursor >= from && cursor < to ? idOf(current.key) : undefined}
        onKeyDown={press} onScroll={event => scroll(event.currentTarget.scrollTop)}
      >
        <div role="presentation" className="ladder-rows" style={{ height: count * ROW_PX }}>
          {ladder.rungs.slice(from, to).map(({ key, row }, place) => (
            <Row
              key={key} id={idOf(key)} kind={row.kind} text={textOf(row, ladder, startMs)} index={from + place} count={count}
              isCurrent={from + place === cursor} onPick={() => go(from + place)}
            />
          ))}
        </div>
      </div>
      <div className="ladder-foot">
        <p className="plot-readout">{readout}</p>
        <Button onPress={() => { if (paused === undefined) pauseAt(topPx); else follow() }}>{paused === undefined ? 'Pause' : 'Follow'}</Button>
      </div>
    </div>
  )
}

interface RowProps {
  readonly id: string
  readonly kind: string
  readonly text: RungText
  readonly index: number
  readonly count: number
  readonly isCurrent: boolean
  readonly onPick: () => void
}

function Row({ id, kind, text: { time, label, marks, isLost, sentence }, index, count, isCurrent, onPick }: RowProps) {
  return (
    <div
      id={id} className="rung" role="option" aria-label={sentence} aria-selected={isCurrent} aria-posinset={index + 1} aria-setsize={count}
      data-kind={kind} data-lost={isLost} style={{ top: index * ROW_PX, height: ROW_PX }} onClick={onPick}
    >
      <span className="rung-time">{time}</span>
      <span className="rung-lane">
        <span className="rung-label"><span className="rung-frames">{label}</span>{marks.map(mark => <b key={mark} className="rung-mark">{mark}</b>)}</span>
        <i className="rung-arrow" />
        {isLost && <b className="rung-lost">✕ lost</b>}
      </span>
    </div>
  )
}

const idOf = (key: number) => `rung-${key}`
