/** Every difference between the Electron that is pinned and the oldest one Hamlet runs on (22). Detected by feature, not by version. */
import { protocol, type Session, type WebContents } from 'electron'
import { readFile } from 'node:fs/promises'

/** Serves a custom scheme from files: `resolve` turns a URL into a file and its type, or refuses. */
export function serveScheme(scheme: string, resolve: (url: string) => { path: string; contentType: string } | undefined): void {
  // protocol.handle came with Electron 25; its types are always there, the function is not.
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
 * Sends a session through a proxy and waits until it really does: on Electron 22 the first requests of a new session could
 * still go out directly after `setProxy` had resolved.
 */
export async function applyProxy(session: Session, host: string, port: number): Promise<void> {
  await session.setProxy({ proxyRules: `http=${host}:${port};https=${host}:${port}`, proxyBypassRules: '<-loopback>' })
  for (let attempt = 0; attempt < 50; attempt++) {
    if ((await session.resolveProxy('http://my-app.home/')).includes(`${host}:${port}`)) return
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error('the session does not take its proxy')
}

/** Listens to what is written on a page's console. */
export function onConsole(contents: WebContents, listen: (text: string) => void): void {
  contents.on('console-message', (event, _level, text) => {
    // With Electron 35 what it tells came into the event; its types are always there.
    const { message = text }: Partial<typeof event> = event
    listen(message)
  })
}

/** Whether the history of a page leads on. */
export function canGo(contents: WebContents): { readonly back: boolean; readonly forward: boolean } {
  // navigationHistory came with Electron 30; its types are always there.
  const { navigationHistory: history } = contents as Partial<WebContents>
  return { back: history?.canGoBack() ?? contents.canGoBack(), forward: history?.canGoForward() ?? contents.canGoForward() }
}

/** "Electron 22.3.25 (test runtime, do not distribute)" where the runtime is older than what is supported. */
export function runtimeName(): string {
  const version = process.versions.electron
  return `Electron ${version}${Number.parseInt(version, 10) < 40 ? ' (test runtime, do not distribute)' : ''}`
}
