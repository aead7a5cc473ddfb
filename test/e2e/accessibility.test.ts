/** The window for who does not see it, or not well, or has no mouse: names, roles, what is told, contrast, and the keyboard's focus. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder } from '../support/hamlet.ts'
import { HamletWindow } from './hamlet-window.ts'

let hamlet: HamletWindow

beforeAll(async () => {
  hamlet = await HamletWindow.open(emptyFolder())
  await hamlet.startEverything()
  await hamlet.page()
}, 90_000)
afterAll(async () => { await hamlet.close() }, 30_000)

const open = (view: string) => hamlet.shell.getByRole('navigation', { name: 'Views' }).getByRole('button', { name: view, exact: true }).click()
const focused = () => hamlet.shell.evaluate(() => {
  const element = document.activeElement
  return element?.getAttribute('aria-label') ?? (element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : undefined) ?? element?.textContent
})
const field = (name: string) => hamlet.shell.getByRole('textbox', { name, exact: true })

test('Ctrl and a number goes on in the view also from the rail, and Tab comes to what is chosen of several', async () => {
  const { shell } = hamlet
  await shell.getByRole('switch', { name: 'DNS server' }).focus()
  await shell.keyboard.press('Control+7')
  await expect.poll(focused).toBe('View')
  for (let press = 0; press < 3; press++) await shell.keyboard.press('Tab')
  expect(await focused()).toBe('Client')
  await shell.keyboard.press('ArrowLeft')
  expect(await focused()).toBe('App server')
  await shell.keyboard.press('Tab')
  expect(await focused()).toMatch(/^Protocol|all protocols/)
})

test('what goes away leaves the focus beside it, and a page that does not come gives it to the reason', async () => {
  const { shell } = hamlet
  await open('DNS')
  await field('Name').first().fill('..')
  await shell.keyboard.press('Enter')
  const dismiss = shell.getByRole('region', { name: 'Look a name up' }).getByRole('button', { name: 'Dismiss' })
  await dismiss.focus()
  await shell.keyboard.press('Enter')
  await expect.poll(focused).toBe('Name')
  await shell.keyboard.press('Control+1')
  await shell.getByRole('button', { name: /^1 Address .*Show its packets/ }).click()
  await shell.getByRole('button', { name: 'Show all' }).focus()
  await shell.keyboard.press('Enter')
  await expect.poll(focused).toBe('Client')
  await hamlet.browse('http://my-app.home/')
  const back = shell.getByRole('button', { name: 'Back' })
  while (await back.isEnabled()) {
    const loaded = (await hamlet.page()).waitForEvent('load')
    await back.focus()
    await shell.keyboard.press('Enter')
    await loaded
    await expect.poll(() => shell.getByRole('progressbar').count()).toBe(0)
  }
  await expect.poll(focused).toBe('Forward')
  await field('Address').fill('https://my-app.home/')
  await field('Address').press('Enter')
  await expect.poll(focused).toMatch(/^my-app\.home cannot be reached by https/)
})
