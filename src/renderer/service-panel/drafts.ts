/** What was typed in a service's settings form and is not saved yet: it outlasts a look at another view. */
import { create } from 'zustand'
import type { Values } from './settings-values.ts'

export const useDrafts = create<Readonly<Record<string, Values | undefined>>>(() => ({}))

export const setDraft = (id: string, draft: Values | undefined) => useDrafts.setState({ [id]: draft })

/** A draft that was saved is none any more; one that was changed meanwhile stays. */
export function forgetDraft(id: string, saved: Values | undefined): void {
  if (useDrafts.getState()[id] === saved) setDraft(id, undefined)
}
