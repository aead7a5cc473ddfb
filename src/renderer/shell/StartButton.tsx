/** The one primary button: starts everything in order, says how far it is, and stops everything. */
import { Button } from '../ui/Button.tsx'
import { startEverything, stopEverything } from './actions.ts'
import { progressOf, useVillage, type Progress } from './store.ts'
import { houses } from './village.ts'

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
  if (isModeChanging) return 'Changing…'
  switch (phase) {
    case 'on': return 'Stop everything'
    case 'stopping': return 'Stopping…'
    case 'starting': return next === undefined ? 'Lighting the lamps…' : `Starting ${houses[next].term}, ${upCount + 1} of 4`
    default: return 'Start everything'
  }
}
