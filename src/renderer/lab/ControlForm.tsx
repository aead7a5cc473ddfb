/** Chooses which connections changes apply to, and their congestion control. */
import { CONGESTION_NAMES } from '../../services/rudp/core/congestion/congestion.ts'
import { Labelled } from '../ui/Labelled.tsx'
import { Segmented, type Segment } from '../ui/Segmented.tsx'
import { setControl } from './actions.ts'
import { useLab } from './store.ts'

const scopes: readonly Segment<'all' | 'one'>[] = [{ value: 'all', label: 'All connections' }, { value: 'one', label: 'This one' }]
const controls = CONGESTION_NAMES.map(name => ({ value: name, label: name }))

export function ControlForm({ isDisabled }: { readonly isDisabled: boolean }) {
  const shown = useLab(({ rows, watching: { connection } }) => connection === undefined ? undefined : rows.get(connection))
  const isForOne = useLab(state => state.isForOne)
  const control = useLab(state => state.control)
  const ofShown = CONGESTION_NAMES.find(name => name === shown?.congestion)
  return (
    <section className="lab-changes" aria-label="Changes">
      <Labelled label="Apply changes to">
        <Segmented label="Apply changes to" segments={scopes} value={isForOne ? 'one' : 'all'} isDisabled={isDisabled} onChange={scope => useLab.setState({ isForOne: scope === 'one' && shown !== undefined })} />
      </Labelled>
      <Labelled label="Congestion control">
        <Segmented label="Congestion control" segments={controls} value={isForOne ? ofShown : control} isDisabled={isDisabled} onChange={name => { void setControl(name) }} />
      </Labelled>
    </section>
  )
}
