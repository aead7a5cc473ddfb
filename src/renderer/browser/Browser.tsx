/** The mini browser: the address bar, the page, and what replaces the page before the first load and after a failed one. */
import { useEffect, useRef, type ReactNode } from 'react'
import type { ErrorParts } from '../../services/kit/errors.ts'
import { Button } from '../ui/Button.tsx'
import { ErrorSentence } from '../ui/ErrorSentence.tsx'
import { CloseIcon } from '../ui/icons.tsx'
import { AddressBar } from './AddressBar.tsx'
import './browser.css'
import { FindBar } from './FindBar.tsx'
import { attach, dismissRefusal, reloadOrStop } from './page.ts'
import { useBrowser } from './store.ts'
import type { WebviewElement } from './webview.ts'

export interface BrowserProps {
  /** Shown in place of the page until an address is opened. */
  readonly beforeFirstPage: ReactNode
  /** Shown below the page. */
  readonly children: ReactNode
  /** Another view covers the browser. It stays mounted: removing the page would reload it. */
  readonly isHidden: boolean
}

export function Browser({ beforeFirstPage, children, isHidden }: BrowserProps) {
  const { url, isLoading, failure, finding, refusal, isOnline, guest } = useBrowser()
  const isPageShown = url !== '' && failure === undefined
  return (
    <section className="browser" aria-label="Browser" data-hidden={isHidden} inert={isHidden}>
      {url !== '' && <h1 className="visually-hidden">Browser</h1>}
      <AddressBar />
      <div className="loading" data-loading={isLoading} role="progressbar" aria-label="Loading page" aria-hidden={!isLoading} />
      <div role="status">
        {isPageShown && !isOnline && <div className="stale"><p>{STALE}</p></div>}
        {refusal !== undefined && (
          <div className="stale">
            <p>{refusal}</p>
            <Button look="quiet" isIcon aria-label="Dismiss" onPress={dismissRefusal}><CloseIcon /></Button>
          </div>
        )}
      </div>
      {finding !== undefined && <FindBar finding={finding} />}
      <div className="page">
        <Page key={guest} isShown={isPageShown} />
        {url === '' && beforeFirstPage}
        {failure !== undefined && <Failure failure={failure} />}
      </div>
      {children}
    </section>
  )
}

function Failure({ failure }: { readonly failure: ErrorParts }) {
  const frame = useRef<HTMLDivElement>(null)
  useEffect(() => {
    // Otherwise the page, hidden now, would keep the keyboard.
    if (document.activeElement?.matches('webview') === true) frame.current?.focus()
  }, [failure])
  return (
    <div ref={frame} className="failure" role="alert" tabIndex={-1}>
      <ErrorSentence error={failure} />
      <Button onPress={reloadOrStop}>Try again</Button>
    </div>
  )
}

const STALE = 'The client is off. This page was loaded earlier; its links work again when the client is on.'

/**
 * Lets a page request new windows, which main opens in this tab. A string, because React
 * drops `true` for an attribute it does not know.
 */
const ALLOW_POPUPS: object = { allowpopups: 'true' }

/**
 * Mounted once, and replaced only when its page is destroyed. Its session,
 * `hamlet-browser`, connects only to the gateway.
 */
function Page({ isShown }: { readonly isShown: boolean }) {
  const element = useRef<HTMLElement>(null)
  useEffect(() => {
    // React knows the tag, but not the methods that Electron adds.
    const webview = element.current as WebviewElement | null
    return webview === null ? undefined : attach(webview)
  }, [])
  useEffect(() => {
    // The button that opened the page was shown in its place, and is gone with its focus.
    if (isShown && document.activeElement?.contains(element.current) === true) element.current?.focus()
  }, [isShown])
  return <webview {...ALLOW_POPUPS} ref={element} className="webview" data-shown={isShown} aria-label="Page" partition="hamlet-browser" src="about:blank" />
}
