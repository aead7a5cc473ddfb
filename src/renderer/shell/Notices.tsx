/** What main has to tell, and why the last wish could not be met: above the view, until dismissed. */
import { Button } from '../ui/Button.tsx'
import { ErrorSentence } from '../ui/ErrorSentence.tsx'
import { CloseIcon } from '../ui/icons.tsx'
import { dismissError, dismissNotice } from './actions.ts'
import { useVillage } from './store.ts'

/** Older ones come up as newer ones are dismissed. */
const SHOWN_MAX = 2

export function Notices() {
  const error = useVillage(state => state.error)
  const notices = useVillage(state => state.notices)
  // A panel shows the error of its own service already.
  const isOnPanel = useVillage(({ view, services }) => view !== 'browser' && error !== undefined && services[view].status.error?.what === error.what)
  return (
    <div className="notices">
      {error !== undefined && !isOnPanel && <div role="alert"><ErrorSentence error={error} onDismiss={dismissError} /></div>}
      {notices.slice(-SHOWN_MAX).map(({ key, text }) => (
        <div key={key} className="notice" role="status">
          <p>{text}</p>
          <Button look="quiet" isIcon aria-label="Dismiss" onPress={() => dismissNotice(key)}><CloseIcon /></Button>
        </div>
      ))}
    </div>
  )
}
