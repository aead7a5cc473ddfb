/** The part of Electron's <webview> that the browser uses; React's own type of the tag says nothing of it. */

export interface WebviewElement extends HTMLElement {
  /** Begins at once, or not at all. */
  reload(): void
  reloadIgnoringCache(): void
  /** Whether a page is on its way and nothing of it has come. */
  isWaitingForResponse(): boolean
  stop(): void
  goBack(): void
  goForward(): void
  canGoBack(): boolean
  canGoForward(): boolean
  clearHistory(): void
  /** `findNext`: another text than before. What came of it `found-in-page` tells. */
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
  /** Electron 22 says `crashed`, later ones `render-process-gone`. */
  crashed: Event
  'render-process-gone': Event
  /** The page is gone for good, and the element is of no more use: a page may close itself. */
  destroyed: Event
}

/** Returns the function that ends the listening. */
export function listen<Name extends keyof WebviewEvents>(page: WebviewElement, name: Name, take: (event: WebviewEvents[Name]) => void): () => void {
  // Electron puts the fields of WebviewEvents on a plain Event; the DOM's types cannot know that.
  const listener = take as (event: Event) => void
  page.addEventListener(name, listener)
  return () => page.removeEventListener(name, listener)
}
