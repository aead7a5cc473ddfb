/** Ctrl+1 is the browser, Ctrl+2 to Ctrl+5 are the services in start order, Ctrl+6 the lab; Escape goes back to the browser. */
import { useEffect } from 'react'
import { viewNumber, type Keys } from '../../preload/contract.ts'
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

export function viewOfKey(keys: Keys): View | undefined {
  const { key, ctrlKey, metaKey, altKey, shiftKey } = keys
  if (key === 'Escape') return ctrlKey || metaKey || altKey || shiftKey ? undefined : 'browser'
  return views[(viewNumber(keys) ?? 0) - 1]
}

/** Its keys were pressed in a page. */
export function showNumbered(number: number): void {
  const view = views[number - 1]
  if (view !== undefined) show(view)
}
