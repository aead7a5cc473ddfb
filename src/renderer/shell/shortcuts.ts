/**
 * Keyboard shortcuts: Ctrl+1 is the browser, Ctrl+2 to Ctrl+5 are the services in start order, Ctrl+6 the lab, Ctrl+7 the packets;
 * Escape returns to the browser. The others are those of every browser.
 */
import { useEffect } from 'react'
import { shortcutOf, type Keys, type Shortcut } from '../../preload/contract.ts'
import { SERVICE_IDS } from '../../services/contracts.ts'
import { bridge } from '../bridge.ts'
import { beginFinding, focusPage, goBack, goForward, reload } from '../browser/page.ts'
import { savePdf, show } from './actions.ts'
import { useVillage, type View } from './store.ts'

/** In the order of their digit keys. */
export const views: readonly View[] = ['browser', ...SERVICE_IDS, 'lab', 'packets']

export function useShortcuts(): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const shortcut = shortcutFor(event)
      if (shortcut === undefined || event.defaultPrevented) return
      // Escape in a field leaves the field, not the panel.
      if (event.key === 'Escape' && event.target instanceof HTMLElement && event.target.matches('input, textarea, select')) return event.target.blur()
      event.preventDefault()
      perform(shortcut)
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  }, [])
}

export function shortcutFor(keys: Keys): Shortcut | undefined {
  const { key, ctrlKey, metaKey, altKey, shiftKey } = keys
  return key === 'Escape' && !(ctrlKey || metaKey || altKey || shiftKey) ? '1' : shortcutOf(keys)
}

/** Shows a view and moves the focus there, after the view is drawn: a covered one cannot take the focus. */
function showAndFocus(view: View, focus?: () => void): void {
  show(view)
  requestAnimationFrame(() => {
    focus?.()
    if (document.activeElement?.closest('.stage') === null) document.querySelector<HTMLElement>('.stage')?.focus()
  })
}

/** Opens the find bar and focuses it once it is drawn. */
function showFindBar(): void {
  beginFinding()
  requestAnimationFrame(() => document.querySelector<HTMLElement>('.find-text')?.focus())
}

/**
 * Back, forward and reload do nothing while another view covers the page. Find searches the page,
 * or focuses the filter of a panel's first table.
 */
export function perform(shortcut: Shortcut): void {
  const isPageSeen = useVillage.getState().view === 'browser'
  switch (shortcut) {
    case 'reload': return isPageSeen ? reload() : undefined
    case 'back': return isPageSeen ? goBack() : undefined
    case 'forward': return isPageSeen ? goForward() : undefined
    case 'find': return isPageSeen ? showFindBar() : document.querySelector<HTMLElement>('.table-filter')?.focus()
    case '1': return showAndFocus('browser', focusPage)
    case 'address': return showAndFocus('browser', () => document.querySelector<HTMLElement>('.address')?.focus())
    case 'print': return savePdf()
    case 'larger': case 'smaller': case 'usual size': return void bridge().invoke('window:zoom', { to: shortcut })
    default: return showAndFocus(views[Number(shortcut) - 1] ?? 'browser')
  }
}
