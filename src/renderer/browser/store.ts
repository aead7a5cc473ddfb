/** The state of the browser. */
import { create } from 'zustand'
import type { Transport } from '../../services/client/contract.ts'
import type { ErrorParts } from '../../services/kit/errors.ts'

/** A search in the page. */
export interface Finding {
  readonly text: string
  /** Number of the current match, from 1, and the count of all; undefined: not known yet. */
  readonly place: number
  readonly count: number | undefined
}

export interface BrowserState {
  /** The address in the bar: that of the page, or of the one being loaded; '' before the first page. */
  readonly url: string
  readonly transport: Transport
  readonly isLoading: boolean
  readonly canGoBack: boolean
  readonly canGoForward: boolean
  /** Shown in place of the page. */
  readonly failure: ErrorParts | undefined
  readonly finding: Finding | undefined
  /** Why an address that the page wanted was not opened. */
  readonly refusal: string | undefined
  /** Whether the client is running. Nothing is loaded without it: no page may bypass the gateway. */
  readonly isOnline: boolean
  /** Number of the current <webview>: when a page has closed itself, a new element takes its place. */
  readonly guest: number
  /** The page that loaded last, and how many have loaded: announced to screen readers. */
  readonly lastLoad: { readonly url: string; readonly count: number }
}

export const useBrowser = create<BrowserState>(() => ({
  url: '', transport: 'tcp', isLoading: false, canGoBack: false, canGoForward: false, failure: undefined, finding: undefined, refusal: undefined, isOnline: false, guest: 0,
  lastLoad: { url: '', count: 0 },
}))
