/** Ill-behaved pages: the browser stays under the user's control, and its address bar shows the truth. */
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
/** The requests so far, in order; a POST with its body. */
const requests: string[] = []
const held = new Set<ServerResponse>()
const server = createServer((request, response) => { void answer(request, response) })
let site = ''
let hamlet: HamletWindow

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '' } = request
  let body = ''
  for await (const chunk of request) body += String(chunk)
  requests.push(`${method} ${url}${body === '' ? '' : ` ${body}`}`)
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
  requests.length = 0
})
afterAll(async () => {
  await hamlet.close()
  server.close()
}, 30_000)

const bar = () => hamlet.shell.getByRole('textbox', { name: 'Address' })
const press = (name: string) => hamlet.shell.getByRole('button', { name, exact: true }).click()
const failure = () => hamlet.shell.locator('.failure')
const barSays = (address: string) => expect.poll(() => bar().inputValue()).toBe(address)
const isRequested = (line: string, times = 1) => expect.poll(() => requests.filter(one => one === line).length).toBe(times)

/** Waits until the switch has moved, which it does when main knows the transport. */
async function choose(name: 'TCP' | 'RUDP'): Promise<void> {
  const choice = hamlet.shell.getByRole('radio', { name, exact: true })
  await choice.click()
  await expect.poll(() => choice.isChecked()).toBe(true)
}

async function type(address: string): Promise<void> {
  await bar().click() // otherwise Enter may go to the page, if it has the keyboard focus
  await bar().fill(address)
  await bar().press('Enter')
}

test('an address typed while the client is off is opened when everything is on', async () => {
  const { shell } = hamlet
  await type(`${site}/two`)
  await failure().getByText('is off').waitFor()
  await shell.getByRole('button', { name: 'Start everything' }).first().focus()
  await shell.keyboard.press('Enter')
  await isRequested('GET /two')
  await failure().waitFor({ state: 'detached' })
  await hamlet.lampIs('client', true)
  await shell.getByRole('button', { name: 'Stop everything' }).waitFor()
  await barSays(`${site}/two`)
})

test('the browser survives a page that closes itself', async () => {
  await type(`${site}/close`)
  await failure().getByText('The page closed itself').waitFor()
  await hamlet.shell.getByRole('button', { name: 'Reload' }).waitFor()
  await hamlet.picture('page-closed-itself')
  await type(`${site}/two`)
  await isRequested('GET /two')
  await failure().waitFor({ state: 'detached' })
  await barSays(`${site}/two`)
})

test('a page cannot keep the user from leaving', async () => {
  await type(`${site}/unload`)
  await isRequested('GET /unload')
  const page = await hamlet.page()
  await page.locator('#field').click() // beforeunload only works after user interaction
  await page.keyboard.type('a')
  await type(`${site}/two`)
  await isRequested('GET /two')
  await expect.poll(() => page.url()).toBe(`${site}/two`)
})

test('a stopped load restores the address of the shown page, which can be reloaded', async () => {
  await type(`${site}/one`)
  await isRequested('GET /one')
  await type(`${site}/slow`)
  await isRequested('GET /slow')
  await press('Stop loading')
  await barSays(`${site}/one`)
  await press('Reload')
  await isRequested('GET /one', 2)
})

test('a response without a page restores the address of the shown page', async () => {
  await type(`${site}/links`)
  await isRequested('GET /links')
  await type(`${site}/nothing`)
  await isRequested('GET /nothing')
  await barSays(`${site}/links`)
})

test('switching the transport also affects a page that is loading', async () => {
  await type(`${site}/links`)
  await isRequested('GET /links')
  await (await hamlet.page()).locator('#slow').click({ noWaitAfter: true })
  await isRequested('GET /slow')
  await choose('RUDP') // nothing listens there
  await choose('TCP')
  await isRequested('GET /slow', 2)
  await isRequested('GET /links')
  await press('Stop loading')
})

test('a page from a POST is reloaded by GET, also over the other transport', async () => {
  for (const reload of [() => press('Reload'), async () => { await choose('RUDP'); await choose('TCP') }]) {
    requests.length = 0
    await type(`${site}/form`)
    await isRequested('GET /form')
    await (await hamlet.page()).getByRole('button', { name: 'send' }).click()
    await isRequested('POST /two')
    await barSays(`${site}/two`)
    await reload()
    await isRequested('GET /two')
  }
})

test('links and forms that target a new window open in the one tab, a form with its data', async () => {
  const open = async (what: string) => {
    await type(`${site}/links`)
    await barSays(`${site}/links`)
    await (await hamlet.page()).locator(what).click()
  }
  await open('#blank')
  await isRequested('GET /two')
  await barSays(`${site}/two`)
  await open('button')
  await isRequested('POST /two word=said')
  await open('#https')
  await barSays('https://localhost/')
  await failure().getByText('https').first().waitFor()
})

test('a failed https address is not blamed on the client, nor is a redirect loop', async () => {
  await type('https://my-app.home/')
  await failure().getByText('no https server answers there').waitFor()
  await hamlet.picture('no-https')
  await type(`${site}/around`)
  await failure().getByText('in a loop').waitFor()
})

test('a page that navigates does not discard what the user is typing, and Enter moves the focus to the page', async () => {
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

test('a page may go full screen, and Escape leaves it', async () => {
  await type(`${site}/film`)
  await barSays(`${site}/film`)
  const page = await hamlet.page()
  const isFull = () => hamlet.inMain(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isFullScreen())
  await page.getByRole('button').click()
  await expect.poll(isFull).toBe(true)
  await hamlet.inMain(({ webContents }) => webContents.getAllWebContents().find(contents => contents.getType() === 'webview')?.sendInputEvent({ type: 'keyDown', keyCode: 'Escape' }))
  await expect.poll(isFull).toBe(false)
})

test('the journey is that of the page, not of its frames', async () => {
  await type(`${site}/frames`)
  await barSays(`${site}/frames`)
  await (await hamlet.page()).frameLocator('iframe').getByText(/^Because /).first().waitFor()
  expect(await hamlet.shell.getByRole('region', { name: 'Journey' }).textContent()).toContain(`${site}/frames over`)
})

test('a notice says where a download was saved, or that it was not', async () => {
  const folder = emptyFolder()
  await hamlet.sendDownloadsTo(folder)
  const notice = hamlet.shell.locator('.notice')
  await type(`${site}/file-whole`)
  await notice.getByText(`file-whole.txt was saved as ${join(folder, 'file-whole.txt')}.`).waitFor()
  expect(readFileSync(join(folder, 'file-whole.txt'), 'utf8')).toBe('abcd')
  await type(`${site}/file-cut`)
  await notice.getByText('file-cut.txt was not saved: the transfer broke off').waitFor()
  expect(readdirSync(folder)).toEqual(['file-whole.txt'])
})

test('failed loads print no stack trace', async () => {
  await type(`${site}/slow`)
  await isRequested('GET /slow')
  await type('http://nowhere.home/')
  await barSays('http://nowhere.home/')
  await (await hamlet.page()).getByText(/^Because /).first().waitFor()
  expect(hamlet.stderr).not.toContain('GUEST_VIEW_MANAGER_CALL')
})

test('the usual browser shortcuts work: reload, address, back and forward, zoom', async () => {
  const { shell } = hamlet
  const pressInBar = async (keys: string) => {
    await bar().click()
    await shell.keyboard.press(keys)
  }
  const zoom = () => hamlet.inMain<number[]>(({ webContents }) => webContents.getAllWebContents().map(contents => contents.getZoomLevel()))
  // The bar shows a typed address at once, so wait for the page itself too.
  const hasLoaded = async (path: string) => {
    await expect.poll(async () => (await hamlet.page()).url()).toBe(`${site}${path}`)
    await barSays(`${site}${path}`)
  }
  await type(`${site}/one`)
  await hasLoaded('/one')
  await type(`${site}/two`)
  await hasLoaded('/two')
  await pressInBar('Alt+ArrowLeft')
  await hasLoaded('/one')
  await pressInBar('Alt+ArrowRight')
  await hasLoaded('/two')
  requests.length = 0
  await pressInBar('F5')
  await isRequested('GET /two')
  await pressInBar('Control+2')
  await shell.keyboard.press('Control+l')
  await expect.poll(() => bar().evaluate(element => element === document.activeElement)).toBe(true)
  await shell.keyboard.press('Control+=')
  await expect.poll(zoom).toEqual([0.5, 0.5])
  await shell.keyboard.press('Control+0')
  await expect.poll(zoom).toEqual([0, 0])
})

test('Ctrl and a digit show a view even while the page has the keyboard focus', async () => {
  // Sent by Electron: the window does not receive keys that Playwright presses in a page.
  await hamlet.inMain(({ webContents }) => webContents.getAllWebContents().find(contents => contents.getType() === 'webview')?.sendInputEvent({ type: 'keyDown', keyCode: '2', modifiers: ['control'] }))
  await hamlet.shell.getByRole('heading', { name: 'DNS server' }).first().waitFor()
  await hamlet.shell.keyboard.press('Control+1')
  await hamlet.shell.getByRole('heading', { name: 'DNS server' }).first().waitFor({ state: 'detached' })
})

test('stopping the first page returns to the start page, and switching its transport loads it again', async () => {
  await hamlet.shell.reload()
  await type(`${site}/slow`)
  await isRequested('GET /slow')
  await press('Stop loading')
  await barSays('')
  await hamlet.shell.getByRole('heading', { name: 'A whole network in one window' }).waitFor()
  await hamlet.picture('first-page-stopped')
  await type(`${site}/slow`)
  await isRequested('GET /slow', 2)
  await choose('RUDP')
  await choose('TCP')
  await isRequested('GET /slow', 3)
})

test('after starting everything by keyboard the focus is in the page', async () => {
  const { shell } = hamlet
  await press('Stop everything')
  await shell.reload()
  await shell.getByRole('button', { name: 'Start everything' }).focus()
  await shell.keyboard.press('Enter')
  await barSays('http://my-app.home/')
  await expect.poll(() => shell.evaluate(() => document.activeElement?.tagName)).toBe('WEBVIEW')
})
