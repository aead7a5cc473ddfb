/** Main's notices, and the error of the user's last action: above the view, until dismissed. */
import { Button } from '../ui/Button.tsx'
import { ErrorSentence } from '../ui/ErrorSentence.tsx'
import { CloseIcon } from '../ui/icons.tsx'
import { dismissError, dismissNotice } from './actions.ts'
import { isPanel, useVillage } from './store.ts'

export function Notices() {
  const error = useVillage(state => state.error)
  const notices = useVillage(state => state.notices)
  // A panel already shows the error of its own service.
  const isOnPanel = useVillage(({ view, services }) => isPanel(view) && error !== undefined && services[view].status.error?.what === error.what)
  // One at a time, to save space: dismissing the newest shows the one before.
  const newest = notices[notices.length - 1]
  return (
    <div className="notices">
      {error !== undefined && !isOnPanel && <div role="alert"><ErrorSentence error={error} onDismiss={dismissError} /></div>}
      {/* Always rendered: screen readers announce what is added to a live region, not a region that is added. */}
      <div role="status">
        {newest !== undefined && (
          <div className="notice">
            <p>{newest.text}</p>
            {notices.length > 1 && <span className="notice-more">{notices.length - 1} more</span>}
            <Button look="quiet" isIcon aria-label="Dismiss" onPress={() => dismissNotice(newest.key)}><CloseIcon /></Button>
          </div>
        )}
      </div>
    </div>
  )
}
