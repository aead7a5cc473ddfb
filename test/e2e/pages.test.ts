/** Pages that do not behave: the browser stays the person's, and its bar tells what is shown. */
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { emptyFolder } from '../support/hamlet.ts'
import { HamletWindow } from './hamlet-window.ts'

const pages: Readonly<Record<string, string>> = {
  '/close': '<script>window.close()</script>',
  '/unload': '<input id="field"><script>onbeforeunload = event => { event.preventDefault(); event.returnValue = "stay" }</script>',
  '/links': '<a id="blank" target="_blank" href="/two">new</a> <a id="https" href="https://localhost/">safe</a> <a id="slow" href="/slow">slow</a> <a id="nothing" href="/nothing">nothing</a>'
    + '<form method="post" target="_blank" action="/two"><button name="word" value="said">new</button></form>',
  '/form': '<form method="post" action="/two"><button>send</button></form>',
  '/moving': '<script>let count = 0; setInterval(() => history.replaceState(null, "", "/moving?" + ++count), 100)</script>',
  '/film': '<button onclick="document.documentElement.requestFullscreen()">full screen</button>',
  '/frames': '<iframe src="http://nowhere.home/"></iframe>',
  '/one': 'one', '/two': 'two',
}
/** What was asked for, in order; a POST with its body. */
const asked: string[] = []
const held = new Set<ServerResponse>()
const server = createServer((request, response) => { void answer(request, response) })
let site = ''
let hamlet: HamletWindow

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '' } = request
  let body = ''
  for await (const chunk of request) body += String(chunk)
  asked.push(`${method} ${url}${body === '' ? '' : ` ${body}`}`)
  if (url === '/slow') return void held.add(response)
  if (url.startsWith('/file')) {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-disposition': `attachment; filename="${url.slice(1)}.txt"`, 'content-length': 4 }).write('ab')
    return void (url === '/file-cut' ? setImmediate(() => response.destroy()) : response.end('cd'))
  }
  if (url === '/around') return void response.writeHead(302, { location: '/around' }).end()
  response.writeHead(pages[url] === undefined ? 204 : 200, { 'content-type': 'text/html', 'cache-control': 'no-store' }).end(pages[url])
}

beforeAll(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  site = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : ''
  hamlet = await HamletWindow.open(emptyFolder())
}, 60_000)
afterEach(() => {
  for (const response of held) response.destroy()
  held.clear()
  asked.length = 0
})
afterAll(async () => {
  await hamlet.close()
  server.close()
}, 30_000)

const bar = () => hamlet.shell.getByRole('textbox', { name: 'Address' })
const press = (name: string) => hamlet.shell.getByRole('button', { name, exact: true }).click()
const failure = () => hamlet.shell.locator('.failure')
const barSays = (address: string) => expect.poll(() => bar().inputValue()).toBe(address)
const isAsked = (line: string, times = 1) => expect.poll(() => asked.filter(one => one === line).length).toBe(times)

/** Until the switch says so, which it does when main knows. */
async function choose(name: 'TCP' | 'RUDP'): Promise<void> {
  const choice = hamlet.shell.getByRole('radio', { name, exact: true })
  await choice.click()
  await expect.poll(() => choice.isChecked()).toBe(true)
}

async function type(address: string): Promise<void> {
  await bar().click() // else Enter may go to the page, which has the keyboard
  await bar().fill(address)
  await bar().press('Enter')
}

test('the address that was typed while the client was off is opened when everything is on', async () => {
  const { shell } = hamlet
  await type(`${site}/two`)
  await failure().getByText('is off').waitFor()
  await shell.getByRole('button', { name: 'Start everything' }).first().focus()
  await shell.keyboard.press('Enter')
  await isAsked('GET /two')
  await failure().waitFor({ state: 'detached' })
  await hamlet.lampIs('client', true)
  await shell.getByRole('button', { name: 'Stop everything' }).waitFor()
  await barSays(`${site}/two`)
})

test('a page that closes itself leaves the browser alive', async () => {
  await type(`${site}/close`)
  await failure().getByText('The page closed itself').waitFor()
  await hamlet.shell.getByRole('button', { name: 'Reload' }).waitFor()
  await hamlet.picture('page-closed-itself')
  await type(`${site}/two`)
  await isAsked('GET /two')
  await failure().waitFor({ state: 'detached' })
  await barSays(`${site}/two`)
})

test('a page that asks to be kept is left all the same', async () => {
  await type(`${site}/unload`)
  await isAsked('GET /unload')
  const page = await hamlet.page()
  await page.locator('#field').click() // a page that nobody has touched may not ask
  await page.keyboard.type('a')
  await type(`${site}/two`)
  await isAsked('GET /two')
  await expect.poll(() => page.url()).toBe(`${site}/two`)
})

test('a load that is stopped leaves the address of the page that is shown, and that one is loaded anew', async () => {
  await type(`${site}/one`)
  await isAsked('GET /one')
  await type(`${site}/slow`)
  await isAsked('GET /slow')
  await press('Stop loading')
  await barSays(`${site}/one`)
  await press('Reload')
  await isAsked('GET /one', 2)
})

test('an answer without a page leaves the address of the page that is shown', async () => {
  await type(`${site}/links`)
  await isAsked('GET /links')
  await type(`${site}/nothing`)
  await isAsked('GET /nothing')
  await barSays(`${site}/links`)
})

test('the transport is switched for the page that is on its way, be it typed or a link', async () => {
  await type(`${site}/links`)
  await isAsked('GET /links')
  await (await hamlet.page()).locator('#slow').click({ noWaitAfter: true })
  await isAsked('GET /slow')
  await choose('RUDP') // where nobody listens
  await choose('TCP')
  await isAsked('GET /slow', 2)
  await isAsked('GET /links')
  await press('Stop loading')
})

test('a page that came by POST is loaded anew by GET, and over the other transport too', async () => {
  for (const anew of [() => press('Reload'), async () => { await choose('RUDP'); await choose('TCP') }]) {
    asked.length = 0
    await type(`${site}/form`)
    await isAsked('GET /form')
    await (await hamlet.page()).getByRole('button', { name: 'send' }).click()
    await isAsked('POST /two')
    await barSays(`${site}/two`)
    await anew()
    await isAsked('GET /two')
  }
})

test('what asks for a window of its own opens in the one tab: a link, a form with what it sends, an https address', async () => {
  const open = async (what: string) => {
    await type(`${site}/links`)
    await barSays(`${site}/links`)
    await (await hamlet.page()).locator(what).click()
  }
  await open('#blank')
  await isAsked('GET /two')
  await barSays(`${site}/two`)
  await open('button')
  await isAsked('POST /two word=said')
  await open('#https')
  await barSays('https://localhost/')
  await failure().getByText('https').first().waitFor()
})

test('an https address that fails is not blamed on the client, nor is a circle of redirects', async () => {
  await type('https://my-app.home/')
  await failure().getByText('nothing speaks https there').waitFor()
  await hamlet.picture('no-https')
  await type(`${site}/around`)
  await failure().getByText('in a circle').waitFor()
})

test('what is being typed is not taken away by a page that moves on, and Enter goes on in the page', async () => {
  const { shell } = hamlet
  await type(`${site}/moving`)
  const page = await hamlet.page()
  await expect.poll(() => page.url()).toMatch(/moving\?\d/)
  await bar().focus()
  await shell.keyboard.type('elsewhere')
  const before = page.url()
  await expect.poll(() => page.url()).not.toBe(before)
  await barSays('elsewhere')
  await shell.keyboard.press('Escape')
  await expect.poll(() => bar().inputValue()).toMatch(/moving\?\d/)
  for (let time = 1; time <= 2; time++) { // the same address twice
    await type(`${site.slice('http://'.length)}/two`)
    await barSays(`${site}/two`)
  }
  await expect.poll(() => shell.evaluate(() => document.activeElement?.tagName)).toBe('WEBVIEW')
})

test('a page may fill the screen, and Escape takes it back', async () => {
  await type(`${site}/film`)
  await barSays(`${site}/film`)
  const page = await hamlet.page()
  const isFull = () => hamlet.inMain(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isFullScreen())
  await page.getByRole('button').click()
  await expect.poll(isFull).toBe(true)
  await hamlet.inMain(({ webContents }) => webContents.getAllWebContents().find(contents => contents.getType() === 'webview')?.sendInputEvent({ type: 'keyDown', keyCode: 'Escape' }))
  await expect.poll(isFull).toBe(false)
})

test('the journey is that of the page, not of a frame in it', async () => {
  await type(`${site}/frames`)
  await barSays(`${site}/frames`)
  await (await hamlet.page()).frameLocator('iframe').getByText(/You may/).first().waitFor()
  expect(await hamlet.shell.getByRole('region', { name: 'Journey' }).textContent()).toContain(`${site}/frames over`)
})

test('of a file that was asked for it is told where it was saved, and of one that did not come whole that it was not', async () => {
  const folder = emptyFolder()
  await hamlet.sendDownloadsTo(folder)
  const told = hamlet.shell.locator('.notice')
  await type(`${site}/file-whole`)
  await told.getByText(`file-whole.txt was saved as ${join(folder, 'file-whole.txt')}.`).waitFor()
  expect(readFileSync(join(folder, 'file-whole.txt'), 'utf8')).toBe('abcd')
  await type(`${site}/file-cut`)
  await told.getByText('file-cut.txt was not saved: its bytes stopped coming').waitFor()
  expect(readdirSync(folder)).toEqual(['file-whole.txt'])
})

test('loads that come to nothing leave no stack trace on the terminal', async () => {
  await type(`${site}/slow`)
  await isAsked('GET /slow')
  await type('http://nowhere.home/')
  await barSays('http://nowhere.home/')
  await (await hamlet.page()).getByText(/You may/).first().waitFor()
  expect(hamlet.said).not.toContain('GUEST_VIEW_MANAGER_CALL')
})

test('the keys of every browser: reload, the address, back and forward, larger and smaller', async () => {
  const { shell } = hamlet
  const pressInBar = async (keys: string) => {
    await bar().click()
    await shell.keyboard.press(keys)
  }
  const zoom = () => hamlet.inMain<number[]>(({ webContents }) => webContents.getAllWebContents().map(contents => contents.getZoomLevel()))
  // The bar says what was typed at once; in the history stands what has come.
  const comes = async (path: string) => {
    await expect.poll(async () => (await hamlet.page()).url()).toBe(`${site}${path}`)
    await barSays(`${site}${path}`)
  }
  await type(`${site}/one`)
  await comes('/one')
  await type(`${site}/two`)
  await comes('/two')
  await pressInBar('Alt+ArrowLeft')
  await comes('/one')
  await pressInBar('Alt+ArrowRight')
  await comes('/two')
  asked.length = 0
  await pressInBar('F5')
  await isAsked('GET /two')
  await pressInBar('Control+2')
  await shell.keyboard.press('Control+l')
  await expect.poll(() => bar().evaluate(element => element === document.activeElement)).toBe(true)
  await shell.keyboard.press('Control+=')
  await expect.poll(zoom).toEqual([0.5, 0.5])
  await shell.keyboard.press('Control+0')
  await expect.poll(zoom).toEqual([0, 0])
})

test('Ctrl and a number show a view also while the page has the keyboard', async () => {
  // By Electron: keys that Playwright presses in a page pass the window by.
  await hamlet.inMain(({ webContents }) => webContents.getAllWebContents().find(contents => contents.getType() === 'webview')?.sendInputEvent({ type: 'keyDown', keyCode: '2', modifiers: ['control'] }))
  await hamlet.shell.getByRole('heading', { name: 'DNS server' }).first().waitFor()
  await hamlet.shell.keyboard.press('Control+1')
  await hamlet.shell.getByRole('heading', { name: 'DNS server' }).first().waitFor({ state: 'detached' })
})

test('a first page that is stopped leaves the start page, and one that is switched meanwhile comes', async () => {
  await hamlet.shell.reload()
  await type(`${site}/slow`)
  await isAsked('GET /slow')
  await press('Stop loading')
  await barSays('')
  await hamlet.shell.getByRole('heading', { name: 'A whole network in one window' }).waitFor()
  await hamlet.picture('first-page-stopped')
  await type(`${site}/slow`)
  await isAsked('GET /slow', 2)
  await choose('RUDP')
  await choose('TCP')
  await isAsked('GET /slow', 3)
})

test('who starts everything by the keyboard goes on in the page', async () => {
  const { shell } = hamlet
  await press('Stop everything')
  await shell.reload()
  await shell.getByRole('button', { name: 'Start everything' }).focus()
  await shell.keyboard.press('Enter')
  await barSays('http://my-app.home/')
  await expect.poll(() => shell.evaluate(() => document.activeElement?.tagName)).toBe('WEBVIEW')
})
