/** What a person does in a page beside reading it: finds words, takes text along by a right click, follows a link that leads out of Hamlet. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder } from '../support/hamlet.ts'
import { HamletWindow } from './hamlet-window.ts'

const pages: Readonly<Record<string, string>> = {
  '/text': '<p>one lamp</p><p>two lamps</p><p>no light</p><p>the last Lamp</p>',
  '/out': '<a id="mail" href="mailto:ada@example.org">mail</a> <a id="blank" target="_blank" href="tel:123">call</a> <a id="file" href="file:///etc/hostname">file</a> <iframe src="/frame"></iframe>',
  '/frame': '<a id="mail" href="mailto:frame@example.org">mail</a>',
  '/field': '<input id="field" value="words"> <a id="link" href="/text?a=b">link</a> <p id="text">paragraph</p>',
}
const server = createServer((request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(pages[request.url ?? '']))
let site = ''
let hamlet: HamletWindow

beforeAll(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  site = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : ''
  hamlet = await HamletWindow.open(emptyFolder())
  await hamlet.startEverything()
  await hamlet.page()
  await hamlet.keepMenus()
}, 90_000)
afterAll(async () => {
  await hamlet.close()
  server.close()
}, 30_000)

const bar = () => hamlet.shell.getByRole('textbox', { name: 'Address' })
const finding = () => hamlet.shell.getByRole('textbox', { name: 'Find in the page' })
const found = () => hamlet.shell.locator('.find-count')
const told = () => hamlet.shell.locator('.stale')
const clipboard = () => hamlet.inMain<string>(main => main.clipboard.readText())
const focused = () => hamlet.shell.evaluate(() => document.activeElement?.getAttribute('aria-label'))

test('text is found in the page: how many there are, the next, the one before, and Escape goes back to the page', async () => {
  const { shell } = hamlet
  await hamlet.browse(`${site}/text`)
  // By Electron: keys that Playwright presses in a page pass the window by.
  await hamlet.inMain(({ webContents }) => webContents.getAllWebContents().find(contents => contents.getType() === 'webview')?.sendInputEvent({ type: 'keyDown', keyCode: 'f', modifiers: ['control'] }))
  await finding().waitFor()
  await expect.poll(focused).toBe('Find in the page')
  await shell.keyboard.type('lamp')
  await expect.poll(() => found().textContent()).toBe('1 of 3')
  await hamlet.picture('find-in-page')
  for (const [keys, place] of [['Enter', 2], ['Enter', 3], ['Enter', 1], ['Shift+Enter', 3]] as const) {
    await finding().press(keys)
    await expect.poll(() => found().textContent()).toBe(`${place} of 3`)
  }
  await shell.getByRole('button', { name: 'The one before' }).click()
  await expect.poll(() => found().textContent()).toBe('2 of 3')
  await finding().fill('darkness')
  await expect.poll(() => found().textContent()).toBe('Not found')
  await finding().press('Escape')
  await finding().waitFor({ state: 'detached' })
  await expect.poll(focused).toBe('Page')
})

test('another page is not searched for what was looked for in the one before', async () => {
  const { shell } = hamlet
  await bar().focus()
  await shell.keyboard.press('Control+f')
  await finding().fill('lamp')
  await expect.poll(() => found().textContent()).toBe('1 of 3')
  await hamlet.browse(`${site}/field`)
  await finding().waitFor({ state: 'detached' })
})

test('a right click offers what every browser offers, and does it', async () => {
  const page = await hamlet.browse(`${site}/field`)
  const click = (selector: string) => () => page.locator(selector).click({ button: 'right' })
  const ofPage = await hamlet.menuOf(() => page.locator('html').click({ button: 'right', position: { x: 300, y: 200 } }))
  expect(ofPage).toEqual(['Back', '(Forward)', 'Reload', 'Save as PDF…', '-', 'Select all'])
  expect(await hamlet.menuOf(click('#link'))).toEqual(['Copy link address', '-', 'Select all'])
  await hamlet.chooseInMenu('Copy link address')
  await expect.poll(clipboard).toBe(`${site}/text?a=b`)
  await page.locator('#text').selectText()
  expect(await hamlet.menuOf(click('#text'))).toEqual(['Copy', 'Select all'])
  await hamlet.chooseInMenu('Copy')
  await expect.poll(clipboard).toBe('paragraph')
  await page.locator('#field').click()
  expect(await hamlet.menuOf(click('#field'))).toEqual([expect.stringMatching(/Cut/), expect.stringMatching(/Copy/), 'Paste', 'Select all'])
  await hamlet.chooseInMenu('Select all')
  await hamlet.chooseInMenu('Paste')
  await expect.poll(() => page.locator('#field').inputValue()).toBe('paragraph')
  await hamlet.menuOf(() => page.locator('html').click({ button: 'right', position: { x: 300, y: 200 } }))
  await hamlet.chooseInMenu('Back')
  await expect.poll(() => bar().inputValue()).not.toBe(`${site}/field`)
})

test('fields of the window have a menu too, and what is no field has none', async () => {
  await bar().fill('my-app.home')
  expect(await hamlet.menuOf(() => bar().click({ button: 'right' }))).toEqual([expect.stringMatching(/Cut/), expect.stringMatching(/Copy/), 'Paste', 'Select all'])
  await hamlet.chooseInMenu('Select all')
  await hamlet.chooseInMenu('Paste')
  await expect.poll(() => bar().inputValue()).toBe('paragraph')
  expect(await hamlet.menuOf(() => hamlet.shell.getByRole('button', { name: 'Lab', exact: true }).click({ button: 'right' }))).toEqual([])
})

test('Ctrl+P saves the page as a PDF where the person says, also while the page has the keyboard', async () => {
  const path = join(emptyFolder(), 'page.pdf')
  await hamlet.answerSaveDialog(path)
  await hamlet.browse(`${site}/text`)
  // By Electron: keys that Playwright presses in a page pass the window by.
  await hamlet.inMain(({ webContents }) => webContents.getAllWebContents().find(contents => contents.getType() === 'webview')?.sendInputEvent({ type: 'keyDown', keyCode: 'p', modifiers: ['control'] }))
  const said = hamlet.shell.locator('.notice')
  await said.getByText(`What was shown is saved as ${path}.`).waitFor()
  expect(readFileSync(path, 'latin1')).toMatch(/^%PDF-[^]*\/Type \/Page\b/)
  await said.getByRole('button', { name: 'Dismiss' }).click()
})

test('a link that leads out of Hamlet is told, and opens nothing', async () => {
  // A page of its own each time: Playwright waits for where a link leads, and these lead nowhere.
  for (const [frame, link, words] of [
    ['/frame', '#mail', /mailto:frame@example\.org$/],
    ['/out', '#blank', /^Hamlet does not open tel: addresses\./],
    ['/out', '#file', /^Hamlet does not open file: addresses\. .* The page leads to file:\/\/\/etc\/hostname$/],
    ['/out', '#mail', /^Hamlet does not open mailto: addresses\. .* The page leads to mailto:ada@example\.org$/],
  ] as const) {
    const page = await hamlet.browse(`${site}/out`)
    expect(await told().count()).toBe(0) // what was told of the page before is gone with it
    await page.frames().find(one => one.url().endsWith(frame))?.locator(link).click({ noWaitAfter: true })
    await told().getByText(words).waitFor()
    expect(await bar().inputValue()).toBe(`${site}/out`)
  }
  await hamlet.picture('no-mailto')
  await told().getByRole('button', { name: 'Dismiss' }).click()
  await told().waitFor({ state: 'detached' })
})
