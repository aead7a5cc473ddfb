/** Ctrl+1 is the browser, Ctrl+2 to Ctrl+5 are the services in start order, Ctrl+6 the lab; Escape goes back to the browser. */
import { useEffect } from 'react'
import { SERVICE_IDS } from '../../services/contracts.ts'
import { show } from './actions.ts'
import type { View } from './store.ts'

/** In the order of their number keys. */
export const views: readonly View[] = ['browser', ...SERVICE_IDS, 'lab']

export function useShortcuts(): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const view = viewOfKey(event)
      if (view === undefined || event.defaultPrevented) return
      // Escape in a field leaves the field, not the panel: what was typed would be lost.
      if (event.key === 'Escape' && event.target instanceof HTMLElement && event.target.matches('input, textarea, select')) return event.target.blur()
      event.preventDefault()
      show(view)
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  }, [])
}

type Keys = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>

export function viewOfKey({ key, ctrlKey, metaKey, altKey, shiftKey }: Keys): View | undefined {
  if (altKey || shiftKey) return undefined
  if (key === 'Escape') return ctrlKey || metaKey ? undefined : 'browser'
  return (ctrlKey || metaKey) && /^[1-9]$/.test(key) ? views[Number(key) - 1] : undefined
}
