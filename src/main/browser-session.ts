/** The mini browser's session: every request goes through Hamlet's own proxy, and pages get no powers. */
import { app, session, webContents, type DownloadItem, type LoadURLOptions, type PostBody, type Session, type WebContents } from 'electron'
import { shortcutOf, type Shortcut } from '../preload/contract.ts'
import { FRAME_HEADER, TRANSPORT_HEADER, type Transport } from '../services/client/contract.ts'
import { offerContextMenu } from './context-menu.ts'
import { applyProxy, onConsole } from './electron-compat.ts'

/** Not persistent: what a page stored is gone with the run. */
const PARTITION = 'hamlet-browser'
const PROXY_HOST = '127.0.0.1'
/** Nothing listens there: without a gateway pages reach nothing. */
const NO_PROXY_PORT = 1
/** Chromium asks again without end when credentials are refused. */
const LOGINS_MAX = 3

/** All that Chromium says of a link to a file, or to a page of its own, that it does not follow. A page may write the same: it is told no more than of any other link. */
const NOT_FOLLOWED = /^Not allowed to load local resource: (\S+)$/

/** What the window does for a page. */
export interface PageHost {
  /** Opens an address that a page cannot go to by itself, or says why not. */
  open(url: string): void
  /** Does what keys ask for that were pressed in a page. */
  perform(shortcut: Shortcut): void
  /** Tells the person a sentence. */
  tell(sentence: string): void
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
    this.#session.setPermissionRequestHandler((_contents, permission, grant, details) => {
      if ('externalURL' in details && details.externalURL !== undefined) host.open(details.externalURL) // a link in a frame
      grant(permission === 'fullscreen') // for a film: Escape takes it back at any time
    })
    this.#session.setPermissionCheckHandler(() => false)
    this.#session.webRequest.onBeforeSendHeaders((details, send) => {
      const headers: Record<string, string> = Object.fromEntries(Object.entries(details.requestHeaders).filter(([name]) => name.toLowerCase() !== TRANSPORT_HEADER))
      headers[TRANSPORT_HEADER] = this.#transports.get(details.webContentsId ?? -1) ?? 'tcp'
      if (details.resourceType === 'subFrame') headers[FRAME_HEADER] = '1'
      send({ requestHeaders: headers })
    })
    this.#session.on('will-download', (_event, item) => followDownload(item, sentence => host.tell(sentence)))
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

  /** Opens an address in a tab. Of a load that fails the page's events tell. */
  load(webContentsId: number, url: string): void {
    if (isWebAddress(url)) this.tab(webContentsId)?.loadURL(url).catch(() => undefined)
  }

  /** The page of a tab of this session. */
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
      // One tab: what asks for a new window opens in this one. Of a load that fails the page's events tell.
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
    // A page may not keep the person: they leave, unasked.
    contents.on('will-prevent-unload', event => event.preventDefault())
    contents.once('destroyed', () => this.#transports.delete(contents.id))
  }
}

/** Tells how the saving of a file ended, but not to the person who called it off. */
function followDownload(item: DownloadItem, tell: (sentence: string) => void): void {
  let isBroken = false
  item.on('updated', (_event, state) => {
    if (state !== 'interrupted') return
    isBroken = true // Chromium has tried some times, and would wait for ever to be asked again, half of the file on disk.
    item.cancel()
  })
  item.once('done', (_event, state) => {
    if (state === 'completed') tell(`${item.getFilename()} was saved as ${item.getSavePath()}.`)
    else if (isBroken || state === 'interrupted') tell(`${item.getFilename()} was not saved: its bytes stopped coming, or the disk did not take them. You may open its address again.`)
  })
}

const isWebAddress = (url: string) => /^https?:\/\//.test(url)

/** What a form sends, for a load that main begins in its place. */
function formOf({ data, contentType, boundary }: PostBody): Pick<LoadURLOptions, 'postData' | 'extraHeaders'> {
  return { postData: data, extraHeaders: `content-type: ${contentType}${boundary === undefined ? '' : `; boundary=${boundary}`}` }
}
