/** The watched connection: its state and current values, its plot or its packets, and the qlog export. */
import { useState } from 'react'
import { Button } from '../ui/Button.tsx'
import { Segmented, type Segment } from '../ui/Segmented.tsx'
import { saveQlog } from './actions.ts'
import { Ladder } from './Ladder.tsx'
import { Plot } from './Plot.tsx'
import { SecondsTable } from './SecondsTable.tsx'
import { legendOf } from './sentences.ts'
import { useLab } from './store.ts'

const views: readonly Segment<'plot' | 'packets'>[] = [{ value: 'plot', label: 'Plot' }, { value: 'packets', label: 'Packets' }]
const spans: readonly Segment<'10' | '30' | '120'>[] = [{ value: '10', label: '10 s' }, { value: '30', label: '30 s' }, { value: '120', label: '2 min' }]

export function Watched() {
  const { end, watching: { connection, peer, startMs, lost, samples }, rows, over } = useLab()
  const [view, setView] = useState<'plot' | 'packets'>('plot')
  const [span, setSpan] = useState<'10' | '30' | '120'>('10')
  const [saved, setSaved] = useState('')
  const now = samples[samples.length - 1]
  if (connection === undefined || now === undefined) {
    return <div className="lab-empty"><p>No RUDP connection yet. Press <b>Load over RUDP</b>, or open a page over RUDP in the browser, and watch it here.</p></div>
  }
  const row = rows.get(connection)
  const ended = over.get(connection)
  const state = row !== undefined ? `${row.congestion}, ${now.phase}` : ended !== undefined ? `${ended.congestion}, closed` : 'The connection is closed.'
  const save = async () => setSaved(await saveQlog())
  return (
    <section className="lab-watched" aria-label="Watched connection">
      <div className="lab-watched-head">
        <h2>To {peer}</h2>
        <Segmented label="Show as" segments={views} value={view} onChange={setView} />
        <Button onPress={() => { void save() }}>Export qlog…</Button>
      </div>
      <div className="lab-watched-head">
        <p className="lab-state">{state}</p>
        {view === 'plot' && <Segmented label="Time span" segments={spans} value={span} onChange={setSpan} />}
      </div>
      <ul className="lab-legend" aria-label="Current values">
        {legendOf(now, lost).map(({ line, name, value }) => <li key={line} data-line={line}><i aria-hidden="true" /><span>{name}</span> <b>{value}</b></li>)}
      </ul>
      {view === 'packets' ? <Ladder key={connection} end={end} peer={peer} startMs={startMs} /> : <><Plot samples={samples} startMs={startMs} spanMs={Number(span) * 1000} /><SecondsTable /></>}
      <p className="lab-saved" role="status">{saved}</p>
    </section>
  )
}
