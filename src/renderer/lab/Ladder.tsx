/**
 * The packets of the watched connection as a ladder diagram: this end on the left, the peer on the right, time running down, and
 * an arrow for each packet. It follows the newest packet until the user scrolls back, moves along the rows with the keyboard, or
 * pauses; then it stays still.
 */
import { useEffect, useMemo, useState } from 'react'
import { appServer } from '../../services/app-server/contract.ts'
import { client } from '../../services/client/contract.ts'
import { Button } from '../ui/Button.tsx'
import { RowList } from '../ui/RowList.tsx'
import { pollPackets } from './actions.ts'
import { ladderOf, textOf, type RungText } from './ladder.ts'
import { shownPackets, useLab, type LabEnd, type Packets } from './store.ts'

export interface LadderProps {
  readonly end: LabEnd
  readonly peer: string
  /** Times are relative to this. */
  readonly startMs: number
}

const SERVICES = { 'app-server': appServer, client }
const GEOMETRY = { rowPx: 34, rowsInView: 11 }

export function Ladder({ end, peer, startMs }: LadderProps) {
  const live = useLab(shownPackets)
  const [paused, setPaused] = useState<Packets>()
  const [cursor, setCursor] = useState<number>()
  const packets = paused ?? live
  const ladder = useMemo(() => ladderOf(packets.rows, packets.next), [packets])
  const current = cursor === undefined ? undefined : ladder.rungs[cursor]
  useEffect(() => pollPackets(end), [end])

  const follow = () => {
    setPaused(undefined)
    setCursor(undefined)
  }
  const readout = current !== undefined ? textOf(current.row, ladder, startMs).sentence
    : paused === undefined ? 'Use the arrow keys to step through the packets. End follows the newest.'
    : live.next === paused.next ? 'Paused, nothing new.' : `Paused, ${live.next - paused.next} new.`
  return (
    <div className="ladder">
      <div className="ladder-ends" aria-hidden="true"><span>ms</span><b>{SERVICES[end].title}</b><b>{peer}</b></div>
      <RowList
        label="Packets, newest last. Use the arrow keys to step through them." geometry={GEOMETRY} rows={ladder.rungs} isFollowing={paused === undefined} cursor={cursor} keyOf={({ key }) => key}
        sentenceOf={({ row }) => textOf(row, ladder, startMs).sentence} onFollow={follow} onPause={() => setPaused(packets)}
        onGo={index => {
          setPaused(packets)
          setCursor(index)
        }}
      >
        {({ row }) => <Row kind={row.kind} text={textOf(row, ladder, startMs)} />}
      </RowList>
      <div className="ladder-foot">
        <p className="plot-readout">{readout}</p>
        <Button onPress={() => { if (paused === undefined) setPaused(packets); else follow() }}>{paused === undefined ? 'Pause' : 'Follow'}</Button>
      </div>
    </div>
  )
}

function Row({ kind, text: { time, label, marks, isLost } }: { readonly kind: string; readonly text: RungText }) {
  return (
    <div className="rung" data-kind={kind} data-lost={isLost}>
      <span className="rung-time">{time}</span>
      <span className="rung-lane">
        <span className="rung-label"><span className="rung-frames">{label}</span>{marks.map(mark => <b key={mark} className="rung-mark">{mark}</b>)}</span>
        <i className="rung-arrow" />
        {isLost && <b className="rung-lost">✕ lost</b>}
      </span>
    </div>
  )
}
