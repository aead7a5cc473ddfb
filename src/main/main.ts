/** The app's entry point: one instance, one window, and the services behind it. */
import { app, BrowserWindow, dialog, Menu } from 'electron'
import { join, resolve } from 'node:path'
import { HamletError, oneLine } from '../services/kit/errors.ts'
import { homeFolder, makeDataFolder, userDataFolder } from '../services/kit/node/data-folder.ts'
import { refuseDebugger } from '../services/kit/node/refuse-debugger.ts'
import { loadSettings } from '../services/kit/node/settings-file.ts'
import { Control } from './control.ts'
import { readDataFlag } from './data-flag.ts'
import { runtimeName } from './electron-compat.ts'
import { answerWindow } from './ipc.ts'
import { declareShellScheme, serveShellPage } from './shell-page.ts'
import { utilityLauncher } from './utility-launcher.ts'
import { openWindow } from './window.ts'

const buildFolder = __dirname
const assetsFolder = app.isPackaged ? join(process.resourcesPath, 'assets') : join(buildFolder, '..', '..', 'assets')
/** Enough for every journal to reach the disk; the supervisor kills services that take longer. */
const QUIT_WITHIN_MS = 8_000

// The reader of these pipes may be gone (EPIPE), which is no reason to quit.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
process.on('uncaughtException', error => fail('Hamlet cannot continue', error))
process.on('unhandledRejection', error => fail('Hamlet cannot continue', error))
refuseDebugger()
declareShellScheme()

let window: BrowserWindow | undefined
let control: Control | undefined

begin().catch((error: unknown) => fail('Hamlet cannot start', error))

async function begin(): Promise<void> {
  const dataFolder = readDataFlag(process.argv) ?? userDataFolder(process.platform, process.env, homeFolder)
  app.setPath('userData', resolve(dataFolder)) // before Chromium writes anything elsewhere
  await makeDataFolder(app.getPath('userData'))
  if (!app.requestSingleInstanceLock()) {
    process.stdout.write(`Hamlet is already running with ${app.getPath('userData')}: its window comes to the front.\n`)
    return app.quit()
  }
  app.on('second-instance', () => {
    if (window?.isMinimized() === true) window.restore()
    window?.focus()
  })
  await app.whenReady()
  await start()
}

/** Reports the error on stderr and in a dialog, and exits with status 1. */
function fail(title: string, error: unknown): void {
  process.stderr.write(`hamlet: ${oneLine(error)}\n`)
  // Dialogs need the app to be ready.
  app.whenReady().then(() => dialog.showErrorBox(title, oneLine(error))).finally(() => app.exit(1)).catch(() => app.exit(1))
}

async function start(): Promise<void> {
  process.stdout.write(`Hamlet ${app.getVersion()} on ${runtimeName()}\n`)
  const dataFolder = app.getPath('userData')
  const { settings, warning } = await loadSettings(dataFolder)
  serveShellPage(join(buildFolder, '..', 'renderer', 'main_window'))
  Menu.setApplicationMenu(null)
  control = new Control({
    window: () => window, launcher: output => utilityLauncher(buildFolder, output), dataFolder, assetsFolder, settings,
  })
  answerWindow(control.handlers)
  window = openWindow(buildFolder, join(assetsFolder, 'icon.png'))
  reloadAfterCrash(window, text => control?.notice(text))
  if (warning !== undefined) control.notice(warning)
  const restored = control.restore()
  if (app.commandLine.hasSwitch('smoke')) void smoke(window, restored)
  await restored
}

/**
 * Reloads the window's page when its process was killed or ran out of memory.
 * A crash before the page is drawn is fatal, because it would recur.
 */
function reloadAfterCrash({ webContents }: BrowserWindow, notice: (text: string) => void): void {
  let isDrawn = false
  webContents.on('did-finish-load', () => { isDrawn = true })
  webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit') return
    if (!isDrawn) return fail('Hamlet cannot continue', new HamletError({ code: 'internal', what: 'the window cannot be shown', why: `its process ends at once (${reason})`, remedy: 'start Hamlet again' }))
    isDrawn = false
    notice(`The window’s process ended unexpectedly (${reason}), so the window was reloaded. The services kept running.`)
    webContents.reload()
  })
}

/** `--smoke`, for tests of the packages: reports what the window has drawn, and quits. */
async function smoke(shown: BrowserWindow, restored: Promise<void>): Promise<void> {
  await restored
  await new Promise<void>(resolve => shown.webContents.isLoading() ? shown.webContents.once('did-finish-load', () => resolve()) : resolve())
  const heading: unknown = await shown.webContents.executeJavaScript('document.title + " " + (document.querySelector("button")?.textContent ?? "no button")')
  process.stdout.write(`window: ${String(heading)}\n`)
  app.quit()
}

app.on('window-all-closed', () => app.quit())
app.on('will-quit', event => {
  const running = control
  if (running === undefined) return
  event.preventDefault()
  control = undefined
  const late = new Promise<void>(resolve => setTimeout(resolve, QUIT_WITHIN_MS))
  Promise.race([running.stopAll(), late]).finally(() => app.exit(0)).catch(() => app.exit(1))
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => app.quit())
