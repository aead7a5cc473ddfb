/** What the browser shows. */
import { create } from 'zustand'
import type { Transport } from '../../services/client/contract.ts'
import type { ErrorParts } from '../../services/kit/errors.ts'

export interface BrowserState {
  /** The page's address; '' before the first page. */
  readonly url: string
  readonly transport: Transport
  readonly isLoading: boolean
  readonly canGoBack: boolean
  readonly canGoForward: boolean
  /** Shown in place of the page. */
  readonly failure: ErrorParts | undefined
  /** Whether the client runs. Nothing is loaded without it: no page may go round the gateway. */
  readonly isOnline: boolean
}

export const useBrowser = create<BrowserState>(() => ({
  url: '', transport: 'tcp', isLoading: false, canGoBack: false, canGoForward: false, failure: undefined, isOnline: false,
}))
