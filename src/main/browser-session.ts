/** The mini browser's session: every request goes through Hamlet's own proxy, and pages get no powers. */
import { app, session, type LoadURLOptions, type PostBody, type Session, type WebContents } from 'electron'
import { viewNumber } from '../preload/contract.ts'
import { TRANSPORT_HEADER, type Transport } from '../services/client/contract.ts'
import { applyProxy } from './electron-compat.ts'

/** Not persistent: what a page stored is gone with the run. */
const PARTITION = 'hamlet-browser'
const PROXY_HOST = '127.0.0.1'
/** Nothing listens there: without a gateway pages reach nothing. */
const NO_PROXY_PORT = 1
/** Chromium asks again without end when credentials are refused. */
const LOGINS_MAX = 3

/** What the window does for a page. */
export interface PageHost {
  /** Opens an address that a page cannot go to by itself. */
  open(url: string): void
  /** Shows a view whose keys were pressed in a page. */
  show(viewNumber: number): void
}

export class BrowserSession {
  readonly #session: Session
  readonly #transports = new Map<number, Transport>()
  readonly #host: PageHost
  #proxyPort = NO_PROXY_PORT
  #proxied: Promise<void> = Promise.resolve()
  #logins = 0

  /** @param credentials of the proxy, known to main and the client service only */
  constructor(credentials: { user: string; password: string }, host: PageHost) {
    this.#host = host
    this.#session = session.fromPartition(PARTITION)
    this.#session.setSpellCheckerLanguages([]) // else a new session fetches a dictionary from the internet
    this.#session.setPermissionRequestHandler((_contents, _permission, grant) => grant(false))
    this.#session.setPermissionCheckHandler(() => false)
    this.#session.webRequest.onBeforeSendHeaders((details, send) => {
      const headers: Record<string, string> = Object.fromEntries(Object.entries(details.requestHeaders).filter(([name]) => name.toLowerCase() !== TRANSPORT_HEADER))
      headers[TRANSPORT_HEADER] = this.#transports.get(details.webContentsId ?? -1) ?? 'tcp'
      send({ requestHeaders: headers })
    })
    app.on('login', (event, contents, _details, authInfo, answer) => {
      if (!authInfo.isProxy || authInfo.host !== PROXY_HOST || authInfo.port !== this.#proxyPort) return
      if (contents !== null && contents.session !== this.#session) return
      if (++this.#logins > LOGINS_MAX) return
      event.preventDefault()
      answer(credentials.user, credentials.password)
    })
    app.on('web-contents-created', (_event, contents) => this.#restrict(contents))
  }

  /** Sends the browser through the proxy on this port; undefined: there is none now. */
  useProxy(port: number | undefined): Promise<void> {
    this.#proxyPort = port ?? NO_PROXY_PORT
    this.#logins = 0
    this.#proxied = applyProxy(this.#session, PROXY_HOST, this.#proxyPort)
    return this.#proxied
  }

  /** The transport of one tab, from its next request on. Resolves when that one finds the proxy of a client that has just come. */
  async setTransport(webContentsId: number, transport: Transport): Promise<void> {
    this.#transports.set(webContentsId, transport)
    this.#logins = 0
    await this.#proxied
  }

  #restrict(contents: WebContents): void {
    contents.on('will-attach-webview', (event, webPreferences, params) => {
      delete webPreferences.preload
      webPreferences.nodeIntegration = false
      webPreferences.contextIsolation = true
      webPreferences.sandbox = true
      webPreferences.webSecurity = true
      webPreferences.spellcheck = false
      if (params['partition'] !== PARTITION) event.preventDefault()
    })
    if (contents.getType() !== 'webview') return
    contents.setWebRTCIPHandlingPolicy('disable_non_proxied_udp')
    contents.on('will-navigate', (event, url) => {
      if (isWebAddress(url)) return
      event.preventDefault()
      if (url.startsWith('rudp://')) this.#host.open(url)
    })
    contents.setWindowOpenHandler(({ url, referrer, postBody }) => {
      // One tab: what asks for a new window opens in this one. Of a load that fails the page's events tell.
      if (isWebAddress(url)) contents.loadURL(url, { httpReferrer: referrer, ...(postBody !== undefined && formOf(postBody)) }).catch(() => undefined)
      else if (url.startsWith('rudp://')) this.#host.open(url)
      return { action: 'deny' }
    })
    contents.on('before-input-event', (event, { type, key, control, meta, alt, shift }) => {
      const number = viewNumber({ key, ctrlKey: control, metaKey: meta, altKey: alt, shiftKey: shift })
      if (type !== 'keyDown' || number === undefined) return
      event.preventDefault()
      this.#host.show(number)
    })
    // A page may not keep the person: they leave, unasked.
    contents.on('will-prevent-unload', event => event.preventDefault())
    contents.once('destroyed', () => this.#transports.delete(contents.id))
  }
}

const isWebAddress = (url: string) => /^https?:\/\//.test(url)

/** What a form sends, for a load that main begins in its place. */
function formOf({ data, contentType, boundary }: PostBody): Pick<LoadURLOptions, 'postData' | 'extraHeaders'> {
  return { postData: data, extraHeaders: `content-type: ${contentType}${boundary === undefined ? '' : `; boundary=${boundary}`}` }
}
