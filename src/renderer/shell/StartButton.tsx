/** The primary button: starts everything in order, shows the progress, and stops everything. */
import { Button } from '../ui/Button.tsx'
import { startEverything, stopEverything } from './actions.ts'
import { progressOf, useVillage, type Progress } from './store.ts'
import { serviceLabels } from './service-labels.ts'

export function StartButton() {
  const services = useVillage(state => state.services)
  const busy = useVillage(state => state.busy)
  const progress = progressOf(services, busy)
  const isOn = progress.phase === 'on'
  return (
    <Button
      look={isOn ? 'plain' : 'primary'} isPending={busy !== undefined}
      onPress={() => { void (isOn ? stopEverything() : startEverything()) }}
    >
      {labelOf(progress, busy === 'changing mode')}
    </Button>
  )
}

function labelOf({ phase, upCount, next }: Progress, isModeChanging: boolean): string {
  if (isModeChanging) return 'Switching mode…'
  switch (phase) {
    case 'on': return 'Stop everything'
    case 'stopping': return 'Stopping…'
    case 'starting': return next === undefined ? 'Lighting the lamps…' : `Starting ${serviceLabels[next].term}, ${upCount + 1} of 4`
    default: return 'Start everything'
  }
}
