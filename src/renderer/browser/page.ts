/**
 * The one page of the browser: what a person can ask of it, and what its <webview> tells. The element begins with about:blank,
 * since only a page that is there has the number by which main must know its transport before the first request.
 */
import type { Transport } from '../../services/client/contract.ts'
import { bridge, errorOf } from '../bridge.ts'
import { readAddress } from './address.ts'
import { ABORTED, clientOff, loadFailure, pageCrashed } from './failure.ts'
import { useBrowser } from './store.ts'
import { listen, type WebviewElement } from './webview.ts'

const BLANK = 'about:blank'

/** The element once it can be spoken to. */
let page: WebviewElement | undefined
/** An address that was asked for before that. */
let waitingUrl: string | undefined
/** Whether a page beside about:blank was shown. */
let hasHistory = false
const { getState, setState } = useBrowser

/** Opens what a person typed. Gives back a sentence where it is no address. */
export function openTyped(typed: string): string | undefined {
  const reading = readAddress(typed)
  if (reading.kind === 'refused') return reading.sentence
  if (getState().isOnline) void open(reading.url, reading.transport)
  else setState({ url: reading.url, transport: reading.transport ?? getState().transport, failure: clientOff(reading.url) })
  return undefined
}

/** Opens an address that main gives, which knows that the gateway is ready. */
export function openUrl(url: string): void {
  const reading = readAddress(url)
  if (reading.kind === 'open') void open(reading.url, reading.transport)
}

/** The same page again over the other transport; nothing of it is taken from the cache. */
export async function chooseTransport(transport: Transport): Promise<void> {
  const { url, failure, isOnline } = getState()
  if (!await useTransport(transport) || url === '' || !isOnline) return
  if (failure !== undefined) void open(url, undefined)
  else page?.reloadIgnoringCache()
}

export function reloadOrStop(): void {
  const { url, isLoading, failure, isOnline } = getState()
  if (isLoading) page?.stop()
  else if (!isOnline) setState({ failure: clientOff(url) })
  else if (failure !== undefined) void open(url, undefined)
  else page?.reload()
}

export const goBack = () => page?.goBack()
export const goForward = () => page?.goForward()
export const setOnline = (isOnline: boolean) => setState({ isOnline })

/** Listens to the element from now on. Returns the function that ends it. */
export function attach(element: WebviewElement): () => void {
  const ends = [
    listen(element, 'dom-ready', () => {
      const isFirst = page === undefined
      page = element
      if (isFirst) void begin()
    }),
    listen(element, 'did-start-loading', () => { if (getState().url !== '') setState({ isLoading: true }) }),
    listen(element, 'did-stop-loading', () => setState({ isLoading: false, canGoBack: element.canGoBack(), canGoForward: element.canGoForward() })),
    listen(element, 'did-navigate', ({ url }) => {
      if (url === BLANK) return
      // Nobody asked for the blank page, so Back must not lead to it.
      if (!hasHistory) element.clearHistory()
      hasHistory = true
      setState({ url, failure: undefined })
    }),
    listen(element, 'did-navigate-in-page', ({ url, isMainFrame }) => { if (isMainFrame && url !== BLANK) setState({ url }) }),
    listen(element, 'did-fail-load', ({ errorCode, errorDescription, validatedURL, isMainFrame }) => {
      if (!isMainFrame || errorCode === ABORTED) return
      setState({ url: validatedURL || getState().url, failure: loadFailure(errorCode, errorDescription, validatedURL) })
    }),
    listen(element, 'crashed', () => setState({ isLoading: false, failure: pageCrashed(getState().url) })),
    listen(element, 'render-process-gone', () => setState({ isLoading: false, failure: pageCrashed(getState().url) })),
  ]
  return () => {
    for (const end of ends) end()
    page = undefined
    hasHistory = false
  }
}

async function begin(): Promise<void> {
  await useTransport(getState().transport)
  const url = waitingUrl
  waitingUrl = undefined
  if (url !== undefined) void open(url, undefined)
}

async function open(url: string, transport: Transport | undefined): Promise<void> {
  setState({ url, failure: undefined, isLoading: true })
  if (page === undefined) {
    waitingUrl = url
    setState({ transport: transport ?? getState().transport })
    return
  }
  if (transport !== undefined && transport !== getState().transport && !await useTransport(transport)) return
  try {
    await page.loadURL(url)
  } catch {
    // did-fail-load has told the same, with its number.
  }
}

/** Main is told first: the switch shows what the next request really uses. */
async function useTransport(transport: Transport): Promise<boolean> {
  const error = page === undefined ? undefined : await errorOf(bridge().invoke('browser:transport', { webContentsId: page.getWebContentsId(), transport }))
  setState(error === undefined ? { transport } : { failure: error, isLoading: false })
  return error === undefined
}
