/**
 * The packets of the watched connection as a ladder: this end on the left, the peer on the right, time downwards, an arrow for each packet.
 * The newest is followed until the person scrolls back, goes along the rows with the keyboard, or pauses: then the picture stands still.
 */
import { useEffect, useMemo, useState } from 'react'
import { appServer } from '../../services/app-server/contract.ts'
import { client } from '../../services/client/contract.ts'
import { Button } from '../ui/Button.tsx'
import { RowList } from '../ui/RowList.tsx'
import { lookAtPackets } from './actions.ts'
import { ladderOf, textOf, type RungText } from './ladder.ts'
import { shownPackets, useLab, type LabEnd, type Packets } from './store.ts'

export interface LadderProps {
  readonly end: LabEnd
  readonly peer: string
  /** Times are told from there. */
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
  useEffect(() => lookAtPackets(end), [end])

  const follow = () => {
    setPaused(undefined)
    setCursor(undefined)
  }
  const readout = current !== undefined ? textOf(current.row, ladder, startMs).sentence
    : paused === undefined ? 'Move along the packets with the arrow keys; End follows the newest.'
    : live.next === paused.next ? 'Paused; nothing has come since.' : `Paused; ${live.next - paused.next} newer rows have come.`
  return (
    <div className="ladder">
      <div className="ladder-ends" aria-hidden="true"><span>ms</span><b>{SERVICES[end].title}</b><b>{peer}</b></div>
      <RowList
        label="Packets, the newest at the end. Arrow keys move along them." geometry={GEOMETRY} rows={ladder.rungs} isFollowing={paused === undefined} cursor={cursor} keyOf={({ key }) => key}
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
