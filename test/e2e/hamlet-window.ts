/** Drives the real app with Playwright, in terms of what a user sees: buttons, lamps, the page in the browser. */
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bridge } from '../../src/preload/contract.ts'
import type { Menu, MenuItem } from 'electron'
import { _electron, type ElectronApplication, type Page } from 'playwright-core'

export const ROOT = join(import.meta.dirname, '..', '..')
export const ELECTRON = join(ROOT, 'node_modules', 'electron', 'dist', 'electron')
/** Chromium's sandbox does not work for root, nor where the system forbids user namespaces. */
export const chromiumSandbox = process.getuid?.() !== 0 && process.env['HAMLET_SANDBOX'] !== 'off'
const PICTURES = process.env['HAMLET_PICTURES'] ?? join(ROOT, 'test-results')
const SERVICES = ['dns', 'dhcp', 'app-server', 'client'] as const
export type Service = (typeof SERVICES)[number]

declare global {
  interface Window {
    readonly hamlet: Bridge
  }
}

export class HamletWindow {
  readonly shell: Page
  /** The app's stderr so far. */
  stderr = ''
  readonly #app: ElectronApplication

  private constructor(app: ElectronApplication, shell: Page) {
    this.#app = app
    this.shell = shell
    app.process().stderr?.on('data', (chunk: Buffer) => { this.stderr += chunk.toString('utf8') })
  }

  /** @throws if the pictures folder is not writable: now, not after half of the tests */
  static async open(dataFolder: string): Promise<HamletWindow> {
    mkdirSync(PICTURES, { recursive: true })
    accessSync(PICTURES, constants.W_OK)
    const app = await _electron.launch({
      executablePath: ELECTRON,
      args: [ROOT, `--data=${dataFolder}`, '--disable-gpu'],
      chromiumSandbox,
    })
    const shell = await app.firstWindow()
    await shell.getByRole('button', { name: /^(Start|Stop) everything$/ }).waitFor({ timeout: 30_000 })
    return new HamletWindow(app, shell)
  }

  async startEverything(): Promise<void> {
    await this.shell.getByRole('button', { name: 'Start everything' }).click()
    for (const service of SERVICES) await this.lampIs(service, true)
  }

  lampIs(service: Service, lit: boolean): Promise<void> {
    return this.shell.locator(`[data-testid="lamp-${service}"][data-lit="${lit}"]`).waitFor({ timeout: 30_000 })
  }

  /** Types an address and waits until its page has loaded. */
  async browse(address: string): Promise<Page> {
    await this.shell.getByRole('button', { name: 'Browser' }).click()
    const page = await this.page()
    const loaded = page.waitForEvent('load')
    const box = this.shell.getByRole('textbox', { name: 'Address' })
    await box.click() // otherwise Enter may go to the page, if it has the keyboard focus
    await box.fill(address)
    await box.press('Enter')
    await loaded
    return page
  }

  /** Switches the transport, and waits until the page has reloaded over it. */
  async choose(transport: 'TCP' | 'RUDP'): Promise<void> {
    const choice = this.shell.getByRole('radio', { name: transport, exact: true })
    if (await choice.isChecked()) return
    await this.shell.getByRole('button', { name: 'Browser' }).click()
    const loaded = (await this.page()).waitForEvent('load')
    await choice.click()
    await loaded
  }

  /** The page in the browser, once there is one. */
  async page(): Promise<Page> {
    for (let attempt = 0; attempt < 300; attempt++) {
      const page = this.#app.windows().find(candidate => candidate.url().startsWith('http://'))
      if (page !== undefined) return page
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    throw new Error(`no page opened; windows: ${this.#app.windows().map(window => window.url()).join(', ')}`)
  }

  /** Saves a screenshot of the window, taken by Electron: Playwright's would show the page too wide. */
  async picture(name: string): Promise<void> {
    const png = await this.#app.evaluate(async ({ BrowserWindow }) => (await BrowserWindow.getAllWindows()[0]?.webContents.capturePage())?.toPNG().toString('base64') ?? '')
    writeFileSync(join(PICTURES, `${name}.png`), Buffer.from(png, 'base64'))
  }

  /** A service's status, from main. */
  status(service: Service): Promise<{ state: string; pid?: number | undefined; endpoints: readonly { name: string; port: number }[] }> {
    return this.shell.evaluate(async id => (await window.hamlet.invoke('app:snapshot', {})).services[id].status, service)
  }

  /** From now on every save dialog returns this path. */
  async answerSaveDialog(path: string): Promise<void> {
    await this.#app.evaluate(({ dialog }, filePath) => {
      dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath })
    }, path)
  }

  /** From now on downloads are saved in this folder without a dialog. */
  async sendDownloadsTo(folder: string): Promise<void> {
    await this.#app.evaluate(({ session }, path) => {
      session.fromPartition('hamlet-browser').on('will-download', (_event, item) => item.setSavePath(`${path}/${item.getFilename()}`))
    }, folder)
  }

  /** From now on menus are kept instead of shown, because native menus have no elements to click. */
  async keepMenus(): Promise<void> {
    await this.#app.evaluate(({ Menu }) => {
      Menu.prototype.popup = function popup(this: Menu) { Object.assign(globalThis, { keptMenu: this }) }
    })
  }

  /** The labels of the menu that a click opens; disabled ones in parentheses, a separator as '-'. */
  async menuOf(click: () => Promise<void>): Promise<string[]> {
    await this.#app.evaluate(() => { Reflect.deleteProperty(globalThis, 'keptMenu') })
    await click()
    return this.#app.evaluate(async () => {
      for (let attempt = 0; attempt < 20 && !Reflect.has(globalThis, 'keptMenu'); attempt++) await new Promise(resolve => setTimeout(resolve, 50))
      const items: readonly MenuItem[] = Reflect.get(globalThis, 'keptMenu')?.items ?? []
      return items.map(({ type, label, enabled }) => type === 'separator' ? '-' : enabled ? label : `(${label})`)
    })
  }

  async chooseInMenu(label: string): Promise<void> {
    await this.#app.evaluate((_main, wanted) => {
      const items: readonly MenuItem[] = Reflect.get(globalThis, 'keptMenu')?.items ?? []
      items.find(item => item.label === wanted)?.click()
    }, label)
  }

  inMain<T>(look: Parameters<ElectronApplication['evaluate']>[0]): Promise<T> {
    // Playwright infers the result from the function, whose type the caller gives as T.
    return this.#app.evaluate(look) as Promise<T>
  }

  async close(): Promise<void> {
    await this.#app.close()
  }
}
