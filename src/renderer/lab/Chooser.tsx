/** Chooses the connection that is shown, and the end from which it is seen. */
import { Labelled } from '../ui/Labelled.tsx'
import { Segmented, type Segment } from '../ui/Segmented.tsx'
import { Select } from '../ui/Select.tsx'
import { choose, useLab, type LabEnd } from './store.ts'

const ends: readonly Segment<LabEnd>[] = [{ value: 'app-server', label: 'App server' }, { value: 'client', label: 'Client' }]

export function Chooser() {
  const end = useLab(state => state.end)
  const chosen = useLab(state => state.chosen)
  const rows = useLab(state => state.rows)
  const over = useLab(state => state.over)
  const peer = useLab(state => state.watching.peer)
  const open = [...rows].map(([id, row]) => ({ value: id, label: `${row.peer}, ${row.congestion}` }))
  const ended = [...over].map(([id, row]) => ({ value: id, label: `${row.peer}, ${row.congestion}, closed` })).reverse()
  const gone = chosen !== undefined && !rows.has(chosen) && !over.has(chosen) ? [{ value: chosen, label: `${peer}, closed` }] : []
  return (
    <div className="lab-chooser">
      <Labelled label="Seen from"><Segmented label="Seen from" segments={ends} value={end} onChange={value => choose({ end: value })} /></Labelled>
      <Select
        label="Connection" options={[{ value: '', label: 'Newest' }, ...gone, ...open, ...ended]} value={chosen ?? ''}
        onChange={id => choose({ chosen: id === '' ? undefined : id })}
      />
    </div>
  )
}
