/**
 * The browser's one page: what the user can do with it, and what its <webview> reports. The element starts at about:blank,
 * because main must know the transport before the first request, and only a loaded page has the webContents id to set it by.
 */
import type { Transport } from '../../services/client/contract.ts'
import type { ErrorParts } from '../../services/kit/errors.ts'
import { bridge, errorOf } from '../bridge.ts'
import { parseAddress, parsePageAddress, type ParsedAddress } from './address.ts'
import { ABORTED, clientOff, loadFailure, pageClosed, pageCrashed } from './failure.ts'
import { useBrowser, type BrowserState } from './store.ts'
import { listen, type WebviewElement } from './webview.ts'

const BLANK = 'about:blank'
const URL_LENGTH_SHOWN = 200

/** The element, once its methods can be called. */
let page: WebviewElement | undefined
/** An address that was requested while there was no element or no client to load it. */
let waitingUrl: string | undefined
/** The address being loaded, requested by the user or by the page. */
let pendingUrl: string | undefined
/** The outcome of the last load. The bar returns to it when a load is stopped, or answered without a page. */
let committed: Pick<BrowserState, 'url' | 'failure'> = { url: '', failure: undefined }
/** Whether a page other than about:blank was shown. */
let hasHistory = false
const { getState, setState } = useBrowser

/** Opens what the user typed. @returns a sentence if it is not an address */
export const openTyped = (typed: string) => openParsed(parseAddress(typed))

function openParsed(parsed: ParsedAddress): string | undefined {
  if (parsed.kind === 'refused') return parsed.sentence
  void open(parsed.url, parsed.transport)
  return undefined
}

/** Opens an address that the window itself provides. */
export function openUrl(url: string): void {
  openTyped(url)
}

/** Opens an address that the page cannot navigate to by itself, or says why not: no link leads out of Hamlet. */
export function openForPage(url: string): void {
  const refusal = openParsed(parsePageAddress(url))
  if (refusal !== undefined) setState({ refusal: `${refusal} The link leads to ${url.length > URL_LENGTH_SHOWN ? `${url.slice(0, URL_LENGTH_SHOWN)}…` : url}` })
}

export function dismissRefusal(): void {
  setState({ refusal: undefined })
  focusPage()
}

/** Opens the first page, unless the user has already opened another one. */
export function openFirst(url: string): void {
  if (getState().url === '') openUrl(url)
}

/** Loads the same page over the chosen transport, bypassing the cache. */
export async function chooseTransport(transport: Transport): Promise<void> {
  if (await useTransport(transport) && getState().isOnline) loadAgain(element => element.reloadIgnoringCache())
}

export const reload = () => loadAgain(element => element.reload())

export function reloadOrStop(): void {
  if (!getState().isLoading) reload()
  else if (page !== undefined) page.stop()
  else giveUp()
}

/** The webContents id of the page, if one is shown. */
export function shownPage(): number | undefined {
  const { url, failure } = getState()
  return url === '' || failure !== undefined ? undefined : page?.getWebContentsId()
}

/** Moves the keyboard focus to the page, if there is one. */
export const focusPage = () => page?.focus()
export const goBack = () => page?.goBack()
export const goForward = () => page?.goForward()

/** Opens the find bar, if a page is shown. */
export function beginFinding(): void {
  const { finding } = getState()
  if (shownPage() !== undefined) setState({ finding: finding ?? { text: '', place: 0, count: undefined } })
}

export function find(text: string): void {
  setState({ finding: { text, place: 0, count: undefined } })
  if (text === '') page?.stopFindInPage('clearSelection')
  else page?.findInPage(text, { forward: true, findNext: true })
}

export function findAgain(where: 'next' | 'previous'): void {
  const { finding } = getState()
  if (finding !== undefined && finding.text !== '') page?.findInPage(finding.text, { forward: where === 'next', findNext: false })
}

/** Closes the find bar. The last match stays selected. */
export function endFinding(): void {
  setState({ finding: undefined })
  page?.stopFindInPage('keepSelection')
  focusPage()
}

/** Follows the client's state. An address that was requested while it was off is opened when it starts. */
export function setOnline(isOnline: boolean): void {
  setState({ isOnline })
  void begin()
}

/** Starts listening to the element. @returns a function that stops it */
export function attach(element: WebviewElement): () => void {
  const ends = [
    listen(element, 'dom-ready', () => {
      if (page !== undefined) return
      page = element
      void begin()
    }),
    listen(element, 'did-start-loading', () => { if (getState().url !== '') setState({ isLoading: true }) }),
    listen(element, 'did-start-navigation', ({ url, isInPlace, isMainFrame }) => { if (isMainFrame && !isInPlace && url !== BLANK) pendingUrl = url }),
    listen(element, 'did-stop-loading', () => {
      if (element.isWaitingForResponse()) return // the next load has begun
      setState({ isLoading: false, canGoBack: element.canGoBack(), canGoForward: element.canGoForward() })
      if (pendingUrl !== undefined) giveUp()
    }),
    listen(element, 'did-navigate', ({ url }) => {
      if (url === BLANK) return
      // Back must not lead to the initial blank page.
      if (!hasHistory) element.clearHistory()
      hasHistory = true
      commit(url, undefined)
    }),
    listen(element, 'did-navigate-in-page', ({ url, isMainFrame }) => {
      if (!isMainFrame || url === BLANK) return
      committed = { ...committed, url }
      if (pendingUrl === undefined) setState({ url })
    }),
    listen(element, 'did-fail-load', ({ errorCode, errorDescription, validatedURL, isMainFrame }) => {
      if (isMainFrame && errorCode !== ABORTED) commit(validatedURL || getState().url, loadFailure(errorCode, errorDescription, validatedURL))
    }),
    listen(element, 'found-in-page', ({ result: { activeMatchOrdinal, matches, finalUpdate } }) => {
      const { finding } = getState()
      if (finalUpdate && finding !== undefined && finding.text !== '') setState({ finding: { ...finding, place: activeMatchOrdinal, count: matches } })
    }),
    listen(element, 'crashed', () => lose(pageCrashed)),
    listen(element, 'render-process-gone', () => lose(pageCrashed)),
    listen(element, 'destroyed', () => {
      lose(pageClosed)
      setState(({ guest }) => ({ guest: guest + 1, canGoBack: false, canGoForward: false }))
    }),
  ]
  return () => {
    for (const end of ends) end()
    page = undefined
    hasHistory = false
  }
}

/** A page has loaded, or failed to. */
function commit(url: string, failure: ErrorParts | undefined): void {
  pendingUrl = undefined
  committed = { url, failure }
  setState(({ lastLoad }) => ({ ...committed, finding: undefined, refusal: undefined, lastLoad: failure === undefined ? { url, count: lastLoad.count + 1 } : lastLoad }))
}

/** The load ends without a page: the last outcome is shown again. */
function giveUp(): void {
  pendingUrl = undefined
  waitingUrl = undefined
  setState({ ...committed, isLoading: false })
}

/** The page is gone, for the given reason. */
function lose(reason: (url: string) => ErrorParts): void {
  commit(committed.url, reason(committed.url))
  setState({ isLoading: false })
}

/** Once there are an element and a client, tells main the transport and opens the waiting address. */
async function begin(): Promise<void> {
  if (page === undefined || !getState().isOnline || !await useTransport(getState().transport)) return
  if (waitingUrl !== undefined) void open(waitingUrl, undefined)
}

/** Loads the shown page, or the one being loaded, once more. */
function loadAgain(reload: (element: WebviewElement) => void): void {
  const { url, failure, isOnline } = getState()
  const wanted = pendingUrl ?? url
  if (wanted === '') return
  if (page === undefined || !isOnline || failure !== undefined || pendingUrl !== undefined) return void open(wanted, undefined)
  reload(page)
  // Chromium does not repeat a POST without confirmation, which Hamlet has no dialog for; the page is loaded by GET instead.
  if (!page.isWaitingForResponse()) void open(wanted, undefined)
}

async function open(url: string, transport: Transport | undefined): Promise<void> {
  const { isOnline } = getState()
  waitingUrl = page === undefined || !isOnline ? url : undefined
  setState({ url, failure: isOnline ? undefined : clientOff(url), isLoading: isOnline })
  if (transport !== undefined && transport !== getState().transport && !await useTransport(transport)) return
  if (page === undefined || waitingUrl !== undefined) return
  pendingUrl = url
  const error = await errorOf(bridge().invoke('browser:load', { webContentsId: page.getWebContentsId(), url }))
  if (error !== undefined) lose(() => error)
}

/** Tells main first, so that the switch shows what the next request really uses. */
async function useTransport(transport: Transport): Promise<boolean> {
  const error = page === undefined ? undefined : await errorOf(bridge().invoke('browser:transport', { webContentsId: page.getWebContentsId(), transport }))
  setState(error === undefined ? { transport } : { failure: error, isLoading: false })
  return error === undefined
}
