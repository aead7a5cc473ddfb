/** Serves the window's page from a custom scheme, never from file://. */
import { protocol } from 'electron'
import { extname, join, normalize, sep } from 'node:path'
import { serveScheme } from './electron-compat.ts'

const SCHEME = 'hamlet'
export const SHELL_URL = `${SCHEME}://shell/index.html`

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.woff2': 'font/woff2', '.svg': 'image/svg+xml', '.png': 'image/png', '.json': 'application/json',
}

/** Must be called before the app is ready. */
export function declareShellScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } }])
}

/** @param folder the built renderer */
export function serveShellPage(folder: string): void {
  serveScheme(SCHEME, url => {
    const { host, pathname } = new URL(url)
    const path = normalize(join(folder, decodeURIComponent(pathname)))
    const contentType = CONTENT_TYPES[extname(path)]
    if (host !== 'shell' || !path.startsWith(folder + sep) || contentType === undefined) return undefined
    return { path, contentType }
  })
}

/** True for the window's own page only. */
export function isShellUrl(url: string): boolean {
  return url.startsWith(`${SCHEME}://shell/`)
}
