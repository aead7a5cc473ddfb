/** The window in everyday use: drafts and focus are kept, large tables stay fast, and failures below do not affect it. */
import { mkdirSync, renameSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder } from '../support/hamlet.ts'
import { HamletWindow } from './hamlet-window.ts'

let hamlet: HamletWindow
const folder = emptyFolder()

beforeAll(async () => {
  hamlet = await HamletWindow.open(folder)
  await hamlet.startEverything()
  await hamlet.page()
}, 90_000)
afterAll(async () => { await hamlet.close() }, 30_000)

const open = (view: string) => hamlet.shell.getByRole('button', { name: view, exact: true }).click()
const field = (name: string) => hamlet.shell.getByRole('textbox', { name, exact: true })
const focused = () => hamlet.shell.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent)
const stateOf = (service: 'dns' | 'dhcp') => expect.poll(async () => (await hamlet.status(service)).state)
const register = (line: string) => hamlet.shell.evaluate(asked => window.hamlet.invoke('service:command', { id: 'dns', name: 'admin', ask: { line: asked } }), line)

test('unsaved settings survive a change of view', async () => {
  await open('DHCP')
  await field('Lease').fill('900')
  await hamlet.shell.getByText('Unsaved changes.').waitFor()
  await open('DNS')
  await open('DHCP')
  expect(await field('Lease').inputValue()).toBe('900')
  await hamlet.shell.getByRole('button', { name: 'Save and restart' }).click()
  await hamlet.shell.getByText('Saved.', { exact: true }).waitFor()
})

test('a switch, a button and a choice keep the focus while they are busy, and a new view gets it', async () => {
  const { shell } = hamlet
  await shell.getByRole('switch', { name: 'DHCP server' }).focus()
  for (const state of ['stopped', 'running']) {
    await shell.keyboard.press('Space')
    await stateOf('dhcp').toBe(state)
    expect(await focused()).toBe('DHCP server')
  }
  await open('DNS')
  await shell.getByRole('button', { name: 'Stop', exact: true }).focus()
  for (const [state, label] of [['stopped', 'Start'], ['running', 'Stop']] as const) {
    await shell.keyboard.press('Enter')
    await stateOf('dns').toBe(state)
    await expect.poll(focused).toBe(label)
  }
  for (const mode of ['LAN', 'Local']) {
    const choice = shell.getByRole('radio', { name: mode })
    await choice.focus()
    await shell.keyboard.press('Enter')
    await expect.poll(() => choice.isChecked(), { timeout: 20_000 }).toBe(true)
    expect(await focused()).toBe(mode)
    await shell.getByRole('button', { name: 'Stop everything' }).waitFor({ timeout: 20_000 })
  }
  await open('Browser')
  await field('Address').focus()
  await shell.keyboard.press('Control+2')
  await expect.poll(focused).toBe('View')
  await shell.keyboard.press('Escape')
  await expect.poll(focused).toBe('Page')
}, 90_000)

test('a pending button looks disabled', async () => {
  await open('DNS')
  const looks = await hamlet.shell.getByRole('button', { name: 'Stop', exact: true }).evaluate(button => {
    const look = () => {
      const { color, backgroundColor, cursor } = getComputedStyle(button)
      return [color, cursor, backgroundColor]
    }
    Object.assign(button, { style: 'transition: none' })
    const before = look()
    button.setAttribute('data-pending', 'true') // set by hand, because the real state is too short to observe
    const pending = look()
    button.removeAttribute('data-pending')
    return before.map((value, index) => value !== pending[index])
  })
  expect(looks).toEqual([true, true, true])
  await open('Browser')
})

test('with forced colors a switch that is on looks on', async () => {
  const { shell } = hamlet
  await shell.emulateMedia({ forcedColors: 'active' })
  const colours = await shell.getByRole('switch', { name: 'DNS server', checked: true }).evaluate(element => [getComputedStyle(element), getComputedStyle(element, '::before')].map(style => style.backgroundColor))
  await hamlet.picture('forced-colours')
  await shell.emulateMedia({ forcedColors: null })
  expect(new Set(colours).size).toBe(2)
})

test.each([{ size: 'twice', presses: 8, least: 1.9 }, { size: 'four times', presses: 16, least: 3.9 }])('at $size the size on a small screen every control fits in the window', async ({ size, presses, least }) => {
  const { shell } = hamlet
  await hamlet.inMain(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.setContentSize(1024, 768))
  await open('Browser')
  await field('Address').click() // Playwright's keys must not go to the page
  for (let press = 0; press < presses; press++) await shell.keyboard.press('Control+=')
  await expect.poll(() => shell.evaluate(() => devicePixelRatio)).toBeGreaterThan(least)
  for (const view of ['Browser', 'DNS', 'DHCP', 'App server', 'Client', 'Lab', 'Packets']) {
    await open(view)
    const outside = () => shell.evaluate(() => [...document.querySelectorAll('button, input, textarea, .packets-row')].filter(element => element.closest('.table-frame, [inert]') === null && element.getBoundingClientRect().right > innerWidth).map(element => element.textContent))
    await expect.poll(outside).toEqual([])
    await hamlet.picture(`${size.replace(' ', '-')}-the-size-${view.toLowerCase().replace(' ', '-')}`)
  }
  await shell.keyboard.press('Control+0')
})

test('a change in a table of hundreds of names does not block the window', async () => {
  for (let number = 0; number < 280; number++) await register(`REGISTER host-${number}.home 192.0.2.${number % 250}`)
  await open('DNS')
  await hamlet.shell.getByRole('cell', { name: 'host-270.home' }).waitFor({ timeout: 20_000 })
  await hamlet.shell.locator('.xterm-rows').waitFor()
  await hamlet.shell.evaluate(() => {
    const longTasks: number[] = []
    Object.assign(window, { longTasks })
    new PerformanceObserver(list => longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' })
  })
  for (let number = 0; number < 3; number++) {
    await register(`REGISTER host-200.home 192.0.2.${number}`)
    await expect.poll(() => hamlet.shell.evaluate(() => document.querySelector('.table-row')?.textContent)).toContain(`host-200.homeA192.0.2.${number}`)
  }
  // Rendering all rows again took seconds each time.
  expect(await hamlet.shell.evaluate(() => Math.max(0, ...Reflect.get(window, 'longTasks')))).toBeLessThan(500)
}, 90_000)

test('a filter finds any row of a table with the keyboard alone, and Escape clears it', async () => {
  const { shell } = hamlet
  for (let number = 280; number < 420; number++) await register(`REGISTER host-${number}.home 192.0.2.${number % 250}`)
  const names = shell.getByRole('region', { name: 'Names' })
  const rows = names.getByRole('row')
  const count = names.getByText(/rows/)
  await expect.poll(() => count.textContent(), { timeout: 20_000 }).toMatch(/^42\d rows, 300 shown$/)
  expect(await names.getByRole('cell', { name: 'host-7.home', exact: true }).count()).toBe(0) // the oldest
  await shell.keyboard.press('Control+f')
  const filter = names.getByRole('searchbox', { name: 'Filter Names' })
  expect(await focused()).toBe('Filter Names')
  await shell.keyboard.type('HOST-7.')
  await expect.poll(() => rows.count()).toBe(2) // including the header row
  await names.getByRole('cell', { name: 'host-7.home', exact: true }).waitFor()
  expect(await names.getByRole('status').textContent()).toMatch(/^1 of 42\d rows$/)
  await hamlet.picture('table-filter')
  await filter.fill('nobody')
  await names.getByRole('cell', { name: 'No rows contain “nobody”.' }).waitFor()
  await shell.keyboard.press('Escape')
  expect([await filter.inputValue(), await focused()]).toEqual(['', 'Filter Names'])
  await shell.keyboard.press('Escape')
  expect(await focused()).not.toBe('Filter Names')
  await shell.getByRole('heading', { name: 'DNS server' }).waitFor()
}, 90_000)

test('settings that cannot be saved still apply, and the user sees the error', async () => {
  const { shell } = hamlet
  const path = join(folder, 'settings.json')
  renameSync(path, join(folder, 'kept.json'))
  mkdirSync(path) // blocks the file, even for root
  const error = shell.getByRole('alert').getByText('settings.json could not be written')
  const choice = shell.getByRole('radio', { name: 'LAN' })
  await choice.click()
  await expect.poll(() => choice.isChecked(), { timeout: 20_000 }).toBe(true)
  await error.waitFor({ timeout: 20_000 })
  for (const service of ['dns', 'dhcp'] as const) await stateOf(service).toBe('running')
  await shell.getByRole('alert').getByRole('button', { name: 'Dismiss' }).click()
  await open('DHCP')
  await field('Lease').fill('1200')
  await shell.getByRole('button', { name: 'Save and restart' }).click()
  await error.waitFor()
  await stateOf('dhcp').toBe('running')
  expect(await field('Lease').inputValue()).toBe('1200')
  await hamlet.picture('settings-not-saved')
  rmdirSync(path)
  await shell.getByRole('radio', { name: 'Local' }).click()
  await expect.poll(() => choice.isChecked(), { timeout: 20_000 }).toBe(false)
  await shell.getByRole('button', { name: 'Stop everything' }).waitFor()
}, 90_000)

test('a window whose process crashes is reloaded, and the services keep running', async () => {
  // Through Electron, because Playwright gives up on a crashed page.
  const seen = () => hamlet.inMain<{ pids: number[]; notices: string }>(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.executeJavaScript(`
    window.hamlet.invoke('app:snapshot', {}).then(({ services }) => ({
      pids: Object.values(services).map(({ status }) => status.pid), notices: document.querySelector('.notices').textContent
    }))`))
  const { pids } = await seen()
  await hamlet.inMain(({ BrowserWindow }) => new Promise<void>(resolve => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents
    contents?.once('did-finish-load', () => resolve())
    contents?.forcefullyCrashRenderer()
  }))
  await expect.poll(async () => (await seen()).notices).toContain('the window was reloaded')
  expect((await seen()).pids).toEqual(pids)
  await hamlet.picture('window-reloaded')
})
