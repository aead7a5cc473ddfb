/** Working with a page: finding text, the context menu, saving as PDF, and links that lead out of Hamlet. */
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
const finding = () => hamlet.shell.getByRole('textbox', { name: 'Find in page' })
const found = () => hamlet.shell.locator('.find-count')
const refusal = () => hamlet.shell.locator('.stale')
const clipboard = () => hamlet.inMain<string>(main => main.clipboard.readText())
const focused = () => hamlet.shell.evaluate(() => document.activeElement?.getAttribute('aria-label'))

test('the find bar counts matches, goes to the next and the previous one, and Escape returns to the page', async () => {
  const { shell } = hamlet
  await hamlet.browse(`${site}/text`)
  // Sent by Electron: the window does not receive keys that Playwright presses in a page.
  await hamlet.inMain(({ webContents }) => webContents.getAllWebContents().find(contents => contents.getType() === 'webview')?.sendInputEvent({ type: 'keyDown', keyCode: 'f', modifiers: ['control'] }))
  await finding().waitFor()
  await expect.poll(focused).toBe('Find in page')
  await shell.keyboard.type('lamp')
  await expect.poll(() => found().textContent()).toBe('1 of 3')
  await hamlet.picture('find-in-page')
  for (const [keys, place] of [['Enter', 2], ['Enter', 3], ['Enter', 1], ['Shift+Enter', 3]] as const) {
    await finding().press(keys)
    await expect.poll(() => found().textContent()).toBe(`${place} of 3`)
  }
  await shell.getByRole('button', { name: 'Previous match' }).click()
  await expect.poll(() => found().textContent()).toBe('2 of 3')
  await finding().fill('darkness')
  await expect.poll(() => found().textContent()).toBe('No matches')
  await finding().press('Escape')
  await finding().waitFor({ state: 'detached' })
  await expect.poll(focused).toBe('Page')
})

test('the find bar closes when another page loads', async () => {
  const { shell } = hamlet
  await bar().focus()
  await shell.keyboard.press('Control+f')
  await finding().fill('lamp')
  await expect.poll(() => found().textContent()).toBe('1 of 3')
  await hamlet.browse(`${site}/field`)
  await finding().waitFor({ state: 'detached' })
})

test('the context menu of a page has the usual entries, and they work', async () => {
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

test('the window\'s fields have a context menu; its other elements have none', async () => {
  await bar().fill('my-app.home')
  expect(await hamlet.menuOf(() => bar().click({ button: 'right' }))).toEqual([expect.stringMatching(/Cut/), expect.stringMatching(/Copy/), 'Paste', 'Select all'])
  await hamlet.chooseInMenu('Select all')
  await hamlet.chooseInMenu('Paste')
  await expect.poll(() => bar().inputValue()).toBe('paragraph')
  expect(await hamlet.menuOf(() => hamlet.shell.getByRole('button', { name: 'Lab', exact: true }).click({ button: 'right' }))).toEqual([])
})

test('Ctrl+P saves the page as a PDF where the user chooses, even while the page has the keyboard focus', async () => {
  const path = join(emptyFolder(), 'page.pdf')
  await hamlet.answerSaveDialog(path)
  await hamlet.browse(`${site}/text`)
  // Sent by Electron: the window does not receive keys that Playwright presses in a page.
  await hamlet.inMain(({ webContents }) => webContents.getAllWebContents().find(contents => contents.getType() === 'webview')?.sendInputEvent({ type: 'keyDown', keyCode: 'p', modifiers: ['control'] }))
  const notice = hamlet.shell.locator('.notice')
  await notice.getByText(`Saved as ${path}.`).waitFor()
  expect(readFileSync(path, 'latin1')).toMatch(/^%PDF-[^]*\/Type \/Page\b/)
  await notice.getByRole('button', { name: 'Dismiss' }).click()
})

test('a link that leads out of Hamlet is reported and opens nothing', async () => {
  // A new page each time, because Playwright waits for navigations, and these links lead nowhere.
  for (const [frame, link, words] of [
    ['/frame', '#mail', /mailto:frame@example\.org$/],
    ['/out', '#blank', /^Hamlet does not open tel: addresses\./],
    ['/out', '#file', /^Hamlet does not open file: addresses\. .* The link leads to file:\/\/\/etc\/hostname$/],
    ['/out', '#mail', /^Hamlet does not open mailto: addresses\. .* The link leads to mailto:ada@example\.org$/],
  ] as const) {
    const page = await hamlet.browse(`${site}/out`)
    expect(await refusal().count()).toBe(0) // the message about the previous page is gone
    await page.frames().find(one => one.url().endsWith(frame))?.locator(link).click({ noWaitAfter: true })
    await refusal().getByText(words).waitFor()
    expect(await bar().inputValue()).toBe(`${site}/out`)
  }
  await hamlet.picture('no-mailto')
  await refusal().getByRole('button', { name: 'Dismiss' }).click()
  await refusal().waitFor({ state: 'detached' })
})
