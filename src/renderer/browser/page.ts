/**
 * The one page of the browser: what a person can ask of it, and what its <webview> tells. The element begins with about:blank,
 * since only a page that is there has the number by which main must know its transport before the first request.
 */
import type { Transport } from '../../services/client/contract.ts'
import type { ErrorParts } from '../../services/kit/errors.ts'
import { bridge, errorOf } from '../bridge.ts'
import { readAddress, readPageAddress, type AddressReading } from './address.ts'
import { ABORTED, clientOff, loadFailure, pageClosed, pageCrashed } from './failure.ts'
import { useBrowser, type BrowserState } from './store.ts'
import { listen, type WebviewElement } from './webview.ts'

const BLANK = 'about:blank'
const URL_LENGTH_SHOWN = 200

/** The element once it can be spoken to. */
let page: WebviewElement | undefined
/** An address that was asked for while there was no element, or no client, to ask for it. */
let waitingUrl: string | undefined
/** The address that is on its way, be it that it was asked for or that the page goes there. */
let pendingUrl: string | undefined
/** What came last: the bar goes back to it when a load comes to nothing, be it stopped or answered without a page. */
let committed: Pick<BrowserState, 'url' | 'failure'> = { url: '', failure: undefined }
/** Whether a page beside about:blank was shown. */
let hasHistory = false
const { getState, setState } = useBrowser

/** Opens what a person typed. Gives back a sentence where it is no address. */
export const openTyped = (typed: string) => openRead(readAddress(typed))

function openRead(reading: AddressReading): string | undefined {
  if (reading.kind === 'refused') return reading.sentence
  void open(reading.url, reading.transport)
  return undefined
}

/** Opens an address that the window gives. */
export function openUrl(url: string): void {
  openTyped(url)
}

/** Opens an address that the page asked for and cannot go to by itself, or says why not: nothing leads out of Hamlet. */
export function openForPage(url: string): void {
  const refusal = openRead(readPageAddress(url))
  if (refusal !== undefined) setState({ refusal: `${refusal} The page leads to ${url.length > URL_LENGTH_SHOWN ? `${url.slice(0, URL_LENGTH_SHOWN)}…` : url}` })
}

export function dismissRefusal(): void {
  setState({ refusal: undefined })
  focusPage()
}

/** The page to begin with, where the person has not asked for another one. */
export function openFirst(url: string): void {
  if (getState().url === '') openUrl(url)
}

/** The same page again over the other transport; nothing of it is taken from the cache. */
export async function chooseTransport(transport: Transport): Promise<void> {
  if (await useTransport(transport) && getState().isOnline) again(element => element.reloadIgnoringCache())
}

export const reload = () => again(element => element.reload())

export function reloadOrStop(): void {
  if (!getState().isLoading) reload()
  else if (page !== undefined) page.stop()
  else giveUp()
}

/** The number by which main knows the page, where one is shown. */
export function shownPage(): number | undefined {
  const { url, failure } = getState()
  return url === '' || failure !== undefined ? undefined : page?.getWebContentsId()
}

/** The keyboard goes on in the page, where one is shown. */
export const focusPage = () => page?.focus()
export const goBack = () => page?.goBack()
export const goForward = () => page?.goForward()

/** Text can be found as long as a page is shown. */
export function beginFinding(): void {
  const { finding } = getState()
  if (shownPage() !== undefined) setState({ finding: finding ?? { text: '', place: 0, count: undefined } })
}

export function find(text: string): void {
  setState({ finding: { text, place: 0, count: undefined } })
  if (text === '') page?.stopFindInPage('clearSelection')
  else page?.findInPage(text, { forward: true, findNext: true })
}

export function findAgain(where: 'next' | 'before'): void {
  const { finding } = getState()
  if (finding !== undefined && finding.text !== '') page?.findInPage(finding.text, { forward: where === 'next', findNext: false })
}

/** What was found last stays selected. */
export function endFinding(): void {
  setState({ finding: undefined })
  page?.stopFindInPage('keepSelection')
  focusPage()
}

/** What was asked for meanwhile is opened when the client comes. */
export function setOnline(isOnline: boolean): void {
  setState({ isOnline })
  void begin()
}

/** Listens to the element from now on. Returns the function that ends it. */
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
      // Nobody asked for the blank page, so Back must not lead to it.
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

/** A page has come, or the reason why it did not. */
function commit(url: string, failure: ErrorParts | undefined): void {
  pendingUrl = undefined
  committed = { url, failure }
  setState(({ came }) => ({ ...committed, finding: undefined, refusal: undefined, came: failure === undefined ? { url, count: came.count + 1 } : came }))
}

/** Nothing comes any more. */
function giveUp(): void {
  pendingUrl = undefined
  waitingUrl = undefined
  setState({ ...committed, isLoading: false })
}

/** The page is gone. */
function lose(reason: (url: string) => ErrorParts): void {
  commit(committed.url, reason(committed.url))
  setState({ isLoading: false })
}

/** Once there are an element and a client, main learns the transport, and what was asked for before is opened. */
async function begin(): Promise<void> {
  if (page === undefined || !getState().isOnline || !await useTransport(getState().transport)) return
  if (waitingUrl !== undefined) void open(waitingUrl, undefined)
}

/** The page that is shown, or on its way, once more. */
function again(reload: (element: WebviewElement) => void): void {
  const { url, failure, isOnline } = getState()
  const wanted = pendingUrl ?? url
  if (wanted === '') return
  if (page === undefined || !isOnline || failure !== undefined || pendingUrl !== undefined) return void open(wanted, undefined)
  reload(page)
  // What was sent by POST Chromium does not send again without asking, and there is nobody to ask: it is asked for by GET.
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

/** Main is told first: the switch shows what the next request really uses. */
async function useTransport(transport: Transport): Promise<boolean> {
  const error = page === undefined ? undefined : await errorOf(bridge().invoke('browser:transport', { webContentsId: page.getWebContentsId(), transport }))
  setState(error === undefined ? { transport } : { failure: error, isLoading: false })
  return error === undefined
}
