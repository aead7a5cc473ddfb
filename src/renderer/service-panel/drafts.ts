/** Unsaved changes in the settings forms. They survive a change of view. */
import { create } from 'zustand'
import type { Values } from './settings-values.ts'

export const useDrafts = create<Readonly<Record<string, Values | undefined>>>(() => ({}))

export const setDraft = (id: string, draft: Values | undefined) => useDrafts.setState({ [id]: draft })

/** Discards a draft once it is saved, unless it was changed in the meantime. */
export function forgetDraft(id: string, saved: Values | undefined): void {
  if (useDrafts.getState()[id] === saved) setDraft(id, undefined)
}
