/** Accessibility of the window: names, roles, announcements, contrast and keyboard focus. */
import type { CDPSession } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder } from '../support/hamlet.ts'
import { measureContrast } from './contrast.ts'
import { HamletWindow } from './hamlet-window.ts'

const VIEWS = ['Browser', 'DNS', 'DHCP', 'App server', 'Client', 'Lab', 'Packets']
/** Roles that need an accessible name: everything interactive, and landmarks that a name tells apart. */
const NAMED = ['button', 'textbox', 'searchbox', 'switch', 'radio', 'radiogroup', 'combobox', 'slider', 'checkbox', 'link', 'table', 'tree', 'listbox', 'option', 'treeitem', 'img', 'region', 'columnheader', 'DisclosureTriangle', 'navigation']

let hamlet: HamletWindow
let tree: CDPSession

beforeAll(async () => {
  hamlet = await HamletWindow.open(emptyFolder())
  tree = await hamlet.shell.context().newCDPSession(hamlet.shell)
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

interface Node {
  readonly role: string
  readonly name: string
  readonly description: string
  readonly level: number | undefined
}

/** The accessibility tree as a screen reader gets it, in order. */
async function nodes(): Promise<Node[]> {
  const full = await tree.send('Accessibility.getFullAXTree')
  const logs = full.nodes.filter(({ role }) => role?.value === 'log').flatMap(({ childIds = [] }) => childIds) // pending announcements of React Aria
  return full.nodes.filter(({ ignored, nodeId }) => !ignored && !logs.includes(nodeId)).map(({ role, name, description, properties = [] }) => {
    const level: unknown = properties.find(property => property.name === 'level')?.value.value
    return { role: String(role?.value), name: String(name?.value ?? ''), description: String(description?.value ?? ''), level: typeof level === 'number' ? level : undefined }
  })
}

test('in every view each control has a name, and there is one h1 and no skipped heading level', async () => {
  expect(await hamlet.shell.locator('html').getAttribute('lang')).toBe('en')
  for (const view of VIEWS) {
    await open(view)
    await hamlet.shell.locator('main h1').first().waitFor({ state: 'attached' })
    const all = await nodes()
    expect(all.filter(({ role, name }) => NAMED.includes(role) && name.trim() === ''), view).toEqual([])
    const levels = all.flatMap(({ role, level }) => role === 'heading' && level !== undefined ? [level] : [])
    expect(levels[0], view).toBe(1)
    expect(levels.filter(level => level === 1), view).toHaveLength(1)
    expect(levels.every((level, index) => level - (levels[index - 1] ?? 1) <= 1), view).toBe(true)
  }
})

test('a screen reader gets the state of a lamp, the address of a service and the text of its console', async () => {
  await open('DNS')
  await hamlet.shell.locator('.xterm-rows').waitFor()
  await expect.poll(async () => (await nodes()).some(({ role, name }) => role === 'StaticText' && name.startsWith('Waiting for requests'))).toBe(true)
  const all = await nodes()
  expect(all).toContainEqual(expect.objectContaining({ role: 'textbox', name: 'Console of DNS server' }))
  expect(all).toContainEqual(expect.objectContaining({ role: 'img', name: expect.stringMatching(/^Lit: /) }))
  expect(all).toContainEqual(expect.objectContaining({ role: 'button', name: 'DNS', description: expect.stringMatching(/^127\.0\.0\.1 ?:\d+/) }))
  // Otherwise each line would be announced at once, over whatever is being read.
  expect(await hamlet.shell.locator('.console [aria-live]').evaluateAll(regions => regions.map(region => region.getAttribute('aria-live')))).toEqual(['off'])
})

test('a page load is announced, a count that changes with every packet is not', async () => {
  const { shell } = hamlet
  await hamlet.browse('http://my-app.home/watch')
  await shell.locator('[role="status"]').getByText('http://my-app.home/watch loaded.').waitFor({ state: 'attached' })
  await open('Packets')
  await shell.getByRole('button', { name: 'Pause' }).click()
  await shell.evaluate(() => {
    const announced: (string | null)[] = []
    Object.assign(window, { announced })
    new MutationObserver(changes => {
      for (const { target } of changes) if (target.parentElement?.matches('.packets [role="status"], .packets [role="status"] *') === true) announced.push(target.textContent)
    }).observe(document.body, { subtree: true, characterData: true })
  })
  for (let number = 0; number < 3; number++) {
    await shell.evaluate(() => window.hamlet.invoke('service:command', { id: 'client', name: 'resolve', ask: { name: 'nothing.home' } }))
    await shell.getByText(new RegExp(`^Paused, ([${number + 1}-9]|\\d\\d+) new`)).waitFor()
  }
  expect(await shell.evaluate(() => Reflect.get(window, 'announced'))).toEqual([])
  await shell.getByRole('button', { name: 'Follow' }).click()
})

test.each(['light', 'dark'] as const)('texts and the borders of controls have enough contrast: %s', async colorScheme => {
  const { shell } = hamlet
  await shell.emulateMedia({ colorScheme, reducedMotion: 'reduce' }) // no color is in transition
  for (const view of VIEWS) {
    await open(view)
    if (view === 'Lab') {
      await shell.getByRole('button', { name: 'Load over RUDP' }).click()
      await shell.locator('.plot-flight[d^="M"]').waitFor({ state: 'attached' })
    }
    if (view === 'Packets') {
      await shell.getByRole('option').last().click()
      await shell.getByRole('treeitem').first().click()
    }
    await expect.poll(() => shell.evaluate(measureContrast), { message: view }).toEqual({ measured: expect.any(Number), faint: [] })
    expect((await shell.evaluate(measureContrast)).measured, view).toBeGreaterThan(20)
  }
  await shell.emulateMedia({ colorScheme: null, reducedMotion: null })
})

test('with forced colors the selected view, packet and field are visible', async () => {
  const { shell } = hamlet
  await shell.emulateMedia({ forcedColors: 'active' })
  await open('Packets')
  await shell.getByRole('option').last().click()
  await shell.getByRole('treeitem').first().click()
  const outlines = (selector: string) => shell.locator(selector).evaluateAll(elements => elements.map(element => getComputedStyle(element).outlineStyle))
  expect(await outlines('[aria-current="page"]')).toEqual(['solid'])
  expect(await outlines('[aria-selected="true"]')).toEqual(['solid', 'solid'])
  const backgrounds = await shell.locator('.hex-cells [data-marked]').evaluateAll(bytes => bytes.map(byte => getComputedStyle(byte).backgroundColor))
  expect(new Set(backgrounds).size).toBe(2)
  await hamlet.picture('forced-colours-packets')
  await shell.emulateMedia({ forcedColors: null })
})

test('Ctrl and a digit move the focus from the rail into the view, and Tab focuses the selected one of several choices', async () => {
  const { shell } = hamlet
  await shell.getByRole('switch', { name: 'DNS server' }).focus()
  await shell.keyboard.press('Control+7')
  await expect.poll(focused).toBe('View')
  for (let press = 0; press < 3; press++) await shell.keyboard.press('Tab')
  expect(await focused()).toBe('Client')
  await shell.keyboard.press('ArrowLeft')
  expect(await focused()).toBe('App server')
  await shell.keyboard.press('Tab')
  expect(await focused()).toMatch(/^Protocol|All protocols/)
})

test('when the focused element disappears the focus moves nearby, and after a failed load to the error', async () => {
  const { shell } = hamlet
  await open('DNS')
  await field('Name').first().fill('..')
  await shell.keyboard.press('Enter')
  const dismiss = shell.getByRole('region', { name: 'Look up a name' }).getByRole('button', { name: 'Dismiss' })
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
