/**
 * The mini browser's session: every request goes through Hamlet's own proxy,
 * and pages get no permissions except full screen.
 */
import { app, session, webContents, type DownloadItem, type LoadURLOptions, type PostBody, type Session, type WebContents } from 'electron'
import { shortcutOf, type Shortcut } from '../preload/contract.ts'
import { FRAME_HEADER, TRANSPORT_HEADER, type Transport } from '../services/client/contract.ts'
import { offerContextMenu } from './context-menu.ts'
import { applyProxy, onConsole } from './electron-compat.ts'

/** Without `persist:` the session is in memory: cookies and storage end with the app. */
const PARTITION = 'hamlet-browser'
const PROXY_HOST = '127.0.0.1'
/** Nothing listens there, so without a gateway pages reach nothing. */
const NO_PROXY_PORT = 1
/** Chromium asks for credentials again, without limit, each time they are refused. */
const LOGINS_MAX = 3

/**
 * The only sign that Chromium gives of a link to a file, or to one of its own pages, that it does not follow. A page can
 * forge this message, but gains nothing by it: the address is handled like that of any other link.
 */
const NOT_FOLLOWED = /^Not allowed to load local resource: (\S+)$/

/** What the window does on behalf of a page. */
export interface PageHost {
  /** Opens an address that a page cannot navigate to by itself, or says why not. */
  open(url: string): void
  /** Carries out a keyboard shortcut that was pressed in a page. */
  perform(shortcut: Shortcut): void
  /** Shows the user a sentence. */
  notify(sentence: string): void
}

export class BrowserSession {
  readonly #session: Session
  readonly #transports = new Map<number, Transport>()
  readonly #host: PageHost
  #proxyPort = NO_PROXY_PORT
  #proxied: Promise<void> = Promise.resolve()
  #logins = 0

  /** @param credentials of the proxy, known only to main and the client service */
  constructor(credentials: { user: string; password: string }, host: PageHost) {
    this.#host = host
    this.#session = session.fromPartition(PARTITION)
    this.#session.setSpellCheckerLanguages([]) // otherwise a new session downloads a dictionary
    this.#session.setPermissionRequestHandler((_contents, permission, grant, details) => {
      if ('externalURL' in details && details.externalURL !== undefined) host.open(details.externalURL) // a link in a frame
      grant(permission === 'fullscreen') // for videos; Escape always leaves it
    })
    this.#session.setPermissionCheckHandler(() => false)
    this.#session.webRequest.onBeforeSendHeaders((details, send) => {
      const headers: Record<string, string> = Object.fromEntries(Object.entries(details.requestHeaders).filter(([name]) => name.toLowerCase() !== TRANSPORT_HEADER))
      headers[TRANSPORT_HEADER] = this.#transports.get(details.webContentsId ?? -1) ?? 'tcp'
      if (details.resourceType === 'subFrame') headers[FRAME_HEADER] = '1'
      send({ requestHeaders: headers })
    })
    this.#session.on('will-download', (_event, item) => reportDownload(item, sentence => host.notify(sentence)))
    app.on('login', (event, contents, _details, authInfo, answer) => {
      if (!authInfo.isProxy || authInfo.host !== PROXY_HOST || authInfo.port !== this.#proxyPort) return
      if (contents !== null && contents.session !== this.#session) return
      if (++this.#logins > LOGINS_MAX) return
      event.preventDefault()
      answer(credentials.user, credentials.password)
    })
    app.on('web-contents-created', (_event, contents) => this.#restrict(contents))
  }

  /** Sends the browser's requests to the proxy on this port; undefined: there is no proxy now. */
  useProxy(port: number | undefined): Promise<void> {
    this.#proxyPort = port ?? NO_PROXY_PORT
    this.#logins = 0
    this.#proxied = applyProxy(this.#session, PROXY_HOST, this.#proxyPort)
    return this.#proxied
  }

  /** Sets the transport of a tab from its next request on. Resolves once that request will find the current proxy. */
  async setTransport(webContentsId: number, transport: Transport): Promise<void> {
    this.#transports.set(webContentsId, transport)
    this.#logins = 0
    await this.#proxied
  }

  /** Opens an address in a tab. The page's events report a load that fails. */
  load(webContentsId: number, url: string): void {
    if (isWebAddress(url)) this.tab(webContentsId)?.loadURL(url).catch(() => undefined)
  }

  /** The page of a tab; undefined if it is not one of this session. */
  tab(webContentsId: number): WebContents | undefined {
    const contents = webContents.fromId(webContentsId)
    return contents?.session === this.#session ? contents : undefined
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
      this.#host.open(url)
    })
    onConsole(contents, text => {
      const url = NOT_FOLLOWED.exec(text)?.[1]
      if (url !== undefined) this.#host.open(url)
    })
    contents.setWindowOpenHandler(({ url, referrer, postBody }) => {
      // There is one tab, so new windows open in it. The page's events report a load that fails.
      if (isWebAddress(url)) contents.loadURL(url, { httpReferrer: referrer, ...(postBody !== undefined && formOf(postBody)) }).catch(() => undefined)
      else this.#host.open(url)
      return { action: 'deny' }
    })
    offerContextMenu(contents, shortcut => this.#host.perform(shortcut))
    contents.on('before-input-event', (event, { type, key, control, meta, alt, shift }) => {
      const shortcut = shortcutOf({ key, ctrlKey: control, metaKey: meta, altKey: alt, shiftKey: shift })
      if (type !== 'keyDown' || shortcut === undefined) return
      event.preventDefault()
      this.#host.perform(shortcut)
    })
    // A page must not keep the user from leaving; preventDefault() unloads it without asking.
    contents.on('will-prevent-unload', event => event.preventDefault())
    contents.once('destroyed', () => this.#transports.delete(contents.id))
  }
}

/** Reports how a download ended, unless the user canceled it. */
function reportDownload(item: DownloadItem, notify: (sentence: string) => void): void {
  let isBroken = false
  item.on('updated', (_event, state) => {
    if (state !== 'interrupted') return
    // Chromium has retried, and would now keep half of the file on disk and wait for `resume()`.
    isBroken = true
    item.cancel()
  })
  item.once('done', (_event, state) => {
    if (state === 'completed') notify(`${item.getFilename()} was saved as ${item.getSavePath()}.`)
    else if (isBroken || state === 'interrupted') notify(`${item.getFilename()} was not saved: the transfer broke off, or the disk refused it. Open its address to try again.`)
  })
}

const isWebAddress = (url: string) => /^https?:\/\//.test(url)

/** A form's body and content type, for the load that main starts in place of a new window. */
function formOf({ data, contentType, boundary }: PostBody): Pick<LoadURLOptions, 'postData' | 'extraHeaders'> {
  return { postData: data, extraHeaders: `content-type: ${contentType}${boundary === undefined ? '' : `; boundary=${boundary}`}` }
}
