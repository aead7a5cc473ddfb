/** The one window: sandboxed, context-isolated, and confined to its own page. */
import { BrowserWindow, shell } from 'electron'
import { join } from 'node:path'
import { offerContextMenu } from './context-menu.ts'
import { isShellUrl, SHELL_URL } from './shell-page.ts'

export function openWindow(buildFolder: string, iconPath: string): BrowserWindow {
  const window = new BrowserWindow({
    width: 1180, height: 760, minWidth: 900, minHeight: 600,
    title: 'Hamlet', icon: iconPath, backgroundColor: '#F7F5F0', autoHideMenuBar: true,
    webPreferences: {
      preload: join(buildFolder, 'preload.cjs'),
      contextIsolation: true, sandbox: true, nodeIntegration: false, webSecurity: true, spellcheck: false, webviewTag: true,
    },
  })
  const { webContents } = window
  webContents.session.setSpellCheckerLanguages([])
  webContents.session.setPermissionRequestHandler((_contents, _permission, grant) => grant(false))
  webContents.on('will-navigate', (event, url) => { if (!isShellUrl(url)) event.preventDefault() })
  webContents.setWindowOpenHandler(({ url }) => {
    if (url.startsWith('https://')) void shell.openExternal(url)
    return { action: 'deny' }
  })
  offerContextMenu(webContents)
  void window.loadURL(SHELL_URL)
  return window
}
