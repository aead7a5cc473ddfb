/** The part of Electron's <webview> that the browser uses. React's type of the tag lacks it. */

export interface WebviewElement extends HTMLElement {
  /** Starts at once, or not at all. */
  reload(): void
  reloadIgnoringCache(): void
  /** Whether a page was requested and none of it has arrived. */
  isWaitingForResponse(): boolean
  stop(): void
  goBack(): void
  goForward(): void
  canGoBack(): boolean
  canGoForward(): boolean
  clearHistory(): void
  /** `findNext`: starts a new search, for a different text. The `found-in-page` event reports the result. */
  findInPage(text: string, options: { readonly forward: boolean; readonly findNext: boolean }): void
  stopFindInPage(action: 'clearSelection' | 'keepSelection'): void
  /** Throws before the first `dom-ready`. */
  getWebContentsId(): number
}

export interface WebviewEvents {
  'dom-ready': Event
  'did-start-loading': Event
  'did-stop-loading': Event
  'did-start-navigation': Event & { readonly url: string; readonly isInPlace: boolean; readonly isMainFrame: boolean }
  'did-navigate': Event & { readonly url: string }
  'did-navigate-in-page': Event & { readonly url: string; readonly isMainFrame: boolean }
  'did-fail-load': Event & { readonly errorCode: number; readonly errorDescription: string; readonly validatedURL: string; readonly isMainFrame: boolean }
  'found-in-page': Event & { readonly result: { readonly activeMatchOrdinal: number; readonly matches: number; readonly finalUpdate: boolean } }
  /** Fired by Electron 22; later versions fire `render-process-gone`. */
  crashed: Event
  'render-process-gone': Event
  /** The page has closed itself, for example; the element cannot be used any more. */
  destroyed: Event
}

/** @returns a function that stops listening */
export function listen<Name extends keyof WebviewEvents>(page: WebviewElement, name: Name, handle: (event: WebviewEvents[Name]) => void): () => void {
  // Electron puts the fields of WebviewEvents on a plain Event, which the DOM's types do not know.
  const listener = handle as (event: Event) => void
  page.addEventListener(name, listener)
  return () => page.removeEventListener(name, listener)
}
