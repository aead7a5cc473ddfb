/**
 * All differences between the pinned Electron and the oldest one that Hamlet runs
 * on (22), detected by feature, not by version.
 */
import { protocol, type Session, type WebContents } from 'electron'
import { readFile } from 'node:fs/promises'

/** Serves a custom scheme from files. `resolve` maps a URL to a file and its type, or refuses it. */
export function serveScheme(scheme: string, resolve: (url: string) => { path: string; contentType: string } | undefined): void {
  // protocol.handle exists since Electron 25; its types are always present.
  if (typeof (protocol as Partial<typeof protocol>).handle === 'function') {
    protocol.handle(scheme, async request => {
      const file = resolve(request.url)
      if (file === undefined) return new Response(null, { status: 404 })
      return new Response(new Uint8Array(await readFile(file.path)), { headers: { 'content-type': file.contentType } })
    })
  } else {
    protocol.registerFileProtocol(scheme, (request, respond) => {
      const file = resolve(request.url)
      if (file === undefined) respond({ error: -6 }) // net::ERR_FILE_NOT_FOUND
      else respond({ path: file.path, mimeType: file.contentType })
    })
  }
}

/**
 * Sets a session's proxy and waits until it is in use: on Electron 22 the first requests of a new session could bypass
 * the proxy even after `setProxy` had resolved.
 */
export async function applyProxy(session: Session, host: string, port: number): Promise<void> {
  await session.setProxy({ proxyRules: `http=${host}:${port};https=${host}:${port}`, proxyBypassRules: '<-loopback>' })
  for (let attempt = 0; attempt < 50; attempt++) {
    if ((await session.resolveProxy('http://my-app.home/')).includes(`${host}:${port}`)) return
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error('the session does not use its proxy')
}

/** Listens to a page's console messages. */
export function onConsole(contents: WebContents, listen: (text: string) => void): void {
  contents.on('console-message', (event, _level, text) => {
    // Since Electron 35 the message is in the event; its types are always present.
    const { message = text }: Partial<typeof event> = event
    listen(message)
  })
}

/** Whether a page's history has an entry before and after the current one. */
export function canGo(contents: WebContents): { readonly back: boolean; readonly forward: boolean } {
  // navigationHistory exists since Electron 30; its types are always present.
  const { navigationHistory: history } = contents as Partial<WebContents>
  return { back: history?.canGoBack() ?? contents.canGoBack(), forward: history?.canGoForward() ?? contents.canGoForward() }
}

/** The runtime's name, marked if it is too old to distribute: "Electron 22.3.25 (test runtime, do not distribute)". */
export function runtimeName(): string {
  const version = process.versions.electron
  return `Electron ${version}${Number.parseInt(version, 10) < 40 ? ' (test runtime, do not distribute)' : ''}`
}
