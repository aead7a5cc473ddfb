/** The packets view: filters, field and byte selection, capture export and printing. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder } from '../support/hamlet.ts'
import { HamletWindow } from './hamlet-window.ts'

let hamlet: HamletWindow
const folder = emptyFolder()

beforeAll(async () => {
  hamlet = await HamletWindow.open(folder)
  await hamlet.startEverything()
}, 120_000)
afterAll(async () => { await hamlet.close() }, 30_000)

const rows = () => hamlet.shell.getByRole('listbox', { name: /^Packets, / }).getByRole('option')
const field = (name: RegExp) => hamlet.shell.getByRole('treeitem', { name })
/** A lamp's probe may come in between. */
const LEASE = /DISCOVER[^]*OFFER[^]*REQUEST[^]*ACK/
/** The highlighted bytes of the dump. */
const marked = async () => (await hamlet.shell.locator('.hex-cells [data-marked="true"]').allTextContents()).join(' ')

test('the client\'s packets show how it got its address and its page', async () => {
  const { shell } = hamlet
  await hamlet.choose('RUDP')
  await hamlet.browse('http://my-app.home/')
  await shell.getByRole('button', { name: 'Packets', exact: true }).click()
  await rows().first().waitFor()
  await hamlet.picture('packets')
  await shell.getByRole('combobox', { name: 'Protocol' }).selectOption('dhcp')
  await expect.poll(async () => (await rows().allTextContents()).join('\n')).toMatch(LEASE)
  await shell.getByRole('combobox', { name: 'Protocol' }).selectOption('rudp')
  await expect.poll(async () => (await rows().allTextContents()).join('\n')).toMatch(/SHORT #\d+: .*STREAM/)
})

test('a step of the journey links to its packets, and Show all removes the filter', async () => {
  const { shell } = hamlet
  await shell.keyboard.press('Control+1')
  await shell.getByRole('button', { name: /^1 Address .*Show its packets/ }).click()
  await shell.getByText('Only packets of step 1 (Address) of http://my-app.home/').waitFor()
  await expect.poll(async () => (await rows().allTextContents()).join('\n')).toMatch(LEASE)
  await hamlet.picture('packets-of-a-step')
  await shell.keyboard.press('Escape')
  await shell.getByRole('button', { name: /^4 Page .*Show its packets/ }).click()
  await expect.poll(async () => (await rows().allTextContents()).join('\n')).toMatch(/STREAM/)
  const few = await rows().count()
  await shell.getByRole('combobox', { name: 'Protocol' }).selectOption('all')
  await shell.getByRole('button', { name: 'Show all' }).click()
  await expect.poll(() => rows().count()).toBeGreaterThan(few)
})

test('a selected packet is shown field by field; a field highlights its bytes, and a byte its field', async () => {
  const { shell } = hamlet
  await shell.getByRole('radio', { name: 'DNS', exact: true }).click()
  await shell.getByRole('combobox', { name: 'Protocol' }).selectOption('dns')
  const answer = rows().filter({ hasText: 'response' }).filter({ hasText: /A my-app\.home NOERROR: A 127/i }).first()
  await answer.click()
  await field(/^.?answer A my-app.home/i).click()
  await field(/^rdata /).click()
  expect(await marked()).toBe('7f 00 00 01')
  await shell.getByRole('status', { name: 'Meaning of the field' }).getByText('The data itself; its form depends on the type. RFC 1035 §4.1.3').waitFor()
  await hamlet.picture('packets-fields')
  await shell.locator('.hex-cells [data-at="12"]').click()
  await expect.poll(() => shell.getByRole('treeitem', { selected: true }).textContent()).toMatch(/^qname my-app.home$/i)
})

test('packets and fields can be reached with the keyboard alone', async () => {
  const { shell } = hamlet
  const list = shell.getByRole('listbox', { name: /^Packets, / })
  await list.focus()
  await list.press('Home')
  await shell.getByText(/^Paused, /).waitFor()
  const tree = shell.getByRole('tree', { name: 'Fields' })
  await tree.focus()
  await tree.press('Home')
  await tree.press('ArrowDown')
  await tree.press('ArrowRight')
  await tree.press('ArrowRight')
  expect(await shell.getByRole('treeitem', { selected: true }).textContent()).toMatch(/^qr/)
  await tree.press('End')
  await tree.press('ArrowRight')
  await tree.press('End')
  await expect.poll(() => tree.evaluate(frame => {
    const [outer, inner] = [frame, frame.querySelector('[aria-selected="true"]')].map(element => element?.getBoundingClientRect())
    return outer !== undefined && inner !== undefined && inner.top >= outer.top && inner.bottom <= outer.bottom
  })).toBe(true)
  await list.press('End')
  await shell.getByText(/^Following the newest/).waitFor()
})

test('open fields stay open while packets arrive, from one packet to the next, and after a change of view', async () => {
  const { shell } = hamlet
  const list = shell.getByRole('listbox', { name: /^Packets, / })
  const chosen = list.getByRole('option', { selected: true })
  const isOpen = async () => ({ flags: await field(/^.?flags /).getAttribute('aria-expanded'), field: await shell.getByRole('treeitem', { selected: true }).textContent(), bytes: await marked() })
  const kept = { flags: 'true', field: expect.stringMatching(/^qr/), bytes: expect.stringMatching(/^[0-9a-f]{2}$/) }
  await list.press('Home')
  await field(/^.?flags /).click()
  await field(/^qr /).click()
  const first = await chosen.textContent()
  await shell.evaluate(() => window.hamlet.invoke('service:command', { id: 'client', name: 'resolve', ask: { name: 'nothing.home' } }))
  await shell.getByText(/^Paused, \d+ new\./).waitFor()
  expect([await chosen.textContent(), await isOpen()]).toEqual([first, kept])
  await list.press('ArrowDown')
  await expect.poll(() => chosen.textContent()).not.toBe(first)
  const second = await chosen.textContent()
  expect(await isOpen()).toEqual(kept)
  await shell.getByRole('button', { name: 'DNS', exact: true }).click()
  await shell.getByRole('button', { name: 'Packets', exact: true }).click()
  await chosen.waitFor()
  expect([await chosen.textContent(), await isOpen()]).toEqual([second, kept])
  await list.press('End')
})

test('the shown packets can be exported, and tshark reads them', async () => {
  const { shell } = hamlet
  const path = join(folder, 'packets.pcapng')
  await hamlet.answerSaveDialog(path)
  await shell.getByRole('button', { name: 'Export pcapng…' }).click()
  await shell.getByText(`Saved as ${path}.`).waitFor()
  const port = (await hamlet.status('dns')).endpoints.find(({ name }) => name === 'dns')?.port ?? 0
  const read = execFileSync('tshark', ['-r', path, '-d', `udp.port==${port},dns`, '-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE', '-T', 'fields', '-e', '_ws.malformed', '-e', 'dns.qry.name', '-e', 'ip.checksum.status', '-e', 'udp.checksum.status'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const lines = read.trimEnd().split('\n').map(line => line.split('\t'))
  expect(lines.map(([, name]) => name?.toLowerCase())).toContain('my-app.home')
  expect(lines.map(([malformed, , ...sums]) => [malformed, ...sums])).toEqual(lines.map(() => ['', '1', '1'])) // 1: good
})

test('a PDF has all packets of the list, in light colors and without controls', async () => {
  const { shell } = hamlet
  const path = join(folder, 'packets.pdf')
  await hamlet.answerSaveDialog(path)
  await shell.getByRole('radio', { name: 'Client', exact: true }).click()
  await shell.getByRole('combobox', { name: 'Protocol' }).selectOption('all')
  await hamlet.browse('http://my-app.home/watch') // many more packets than one page holds
  await shell.getByRole('button', { name: 'Packets', exact: true }).click()
  await expect.poll(async () => Number(await rows().last().getAttribute('aria-setsize'))).toBeGreaterThan(100)
  await shell.emulateMedia({ colorScheme: 'dark' })
  await shell.keyboard.press('Control+p')
  await shell.locator('.notice').getByText(`Saved as ${path}.`).waitFor()
  expect(readFileSync(path, 'latin1').match(/\/Type \/Page\b/g)?.length).toBeGreaterThan(2)
  expect(await rows().count()).toBeLessThan(30) // on screen still only those in view
  await shell.emulateMedia({ media: 'print' })
  expect(await shell.locator('body').evaluate(body => getComputedStyle(body).getPropertyValue('--ink').trim())).toBe('#1a2330')
  expect(await Promise.all(['.rail', '.notice', '.panel-head .button'].map(what => shell.locator(what).first().isVisible()))).toEqual([false, false, false])
  await shell.emulateMedia({ media: null, colorScheme: null })
  await shell.locator('.notice').getByRole('button', { name: 'Dismiss' }).click()
})

test('cleared packets do not reappear', async () => {
  const { shell } = hamlet
  await shell.getByRole('radio', { name: 'DHCP', exact: true }).click()
  await shell.getByRole('combobox', { name: 'Protocol' }).selectOption('all')
  await rows().first().waitFor()
  await shell.getByRole('button', { name: 'Clear' }).click()
  await expect.poll(async () => (await rows().allTextContents()).join('\n')).not.toMatch(/ACK/)
})
