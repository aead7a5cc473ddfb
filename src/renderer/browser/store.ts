/** What the browser shows. */
import { create } from 'zustand'
import type { Transport } from '../../services/client/contract.ts'
import type { ErrorParts } from '../../services/kit/errors.ts'

/** What is looked for in the page. */
export interface Finding {
  readonly text: string
  /** The place that is shown, from 1 on, and how many there are; undefined: not known yet. */
  readonly place: number
  readonly count: number | undefined
}

export interface BrowserState {
  /** The address in the bar: the page's, or the one that was asked for and is on its way; '' before the first page. */
  readonly url: string
  readonly transport: Transport
  readonly isLoading: boolean
  readonly canGoBack: boolean
  readonly canGoForward: boolean
  /** Shown in place of the page. */
  readonly failure: ErrorParts | undefined
  readonly finding: Finding | undefined
  /** Why the page was not given what it asked for. */
  readonly refusal: string | undefined
  /** Whether the client runs. Nothing is loaded without it: no page may go round the gateway. */
  readonly isOnline: boolean
  /** Counts the elements that showed pages: one whose page has closed itself makes room for a new one. */
  readonly guest: number
  /** The page that came last, and how many have come: for whoever cannot see that it did. */
  readonly came: { readonly url: string; readonly count: number }
}

export const useBrowser = create<BrowserState>(() => ({
  url: '', transport: 'tcp', isLoading: false, canGoBack: false, canGoForward: false, failure: undefined, finding: undefined, refusal: undefined, isOnline: false, guest: 0,
  came: { url: '', count: 0 },
}))
