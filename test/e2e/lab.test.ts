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

/** The value beside a name in the legend of the plot. */
const legend = (name: string) => hamlet.shell.getByRole('list', { name: 'Now' }).getByRole('listitem').filter({ hasText: name }).locator('b')

test('with a tenth lost a page still comes, and the lab draws how: losses, a threshold, a window in steps', async () => {
  const { shell } = hamlet
  await shell.getByRole('button', { name: 'Lab', exact: true }).click()
  await shell.getByText('Nothing is on its way.').waitFor()
  await shell.getByRole('radio', { name: 'bbr', checked: true }).waitFor() // what the app server has
  await hamlet.picture('lab-empty')
  const loss = shell.getByRole('slider', { name: 'Loss', exact: true })
  await loss.focus()
  for (let press = 0; press < 8; press++) await loss.press('ArrowRight')
  const delay = shell.getByRole('slider', { name: 'Delay, one way' })
  await delay.focus()
  for (let press = 0; press < 4; press++) await delay.press('ArrowRight')
  await expect.poll(() => shell.getByRole('textbox', { name: 'As text' }).inputValue()).toBe('delay=10ms loss=10% overhead=28 mtu=1500')
  await shell.getByRole('button', { name: /^Lab.*link: delay=10ms loss=10%/ }).waitFor() // in force
  await shell.getByRole('radio', { name: 'reno' }).click()
  await shell.getByRole('radio', { name: 'reno', checked: true }).waitFor()
  await shell.getByRole('radio', { name: '1 MB' }).click()
  await shell.getByRole('button', { name: 'Load over RUDP' }).click()
  await shell.getByText(/^1\.0 MB in [\d.]+ m?s: [\d.]+ [Mk]bit\/s\.$/).waitFor({ timeout: 60_000 })
  await expect.poll(async () => Number(await legend('Lost').textContent()), { timeout: 5000 }).toBeGreaterThan(10)
  expect(await legend('Threshold').textContent()).toMatch(/kB$/)
  await expect.poll(() => legend('In flight').textContent(), { timeout: 5000 }).toBe('0 B')
  const path = await shell.getByTestId('plot-cwnd').getAttribute('d')
  expect(path?.split('H').length).toBeGreaterThan(20)
  await hamlet.picture('lab-loss')
})

test('the plot is read with the keyboard alone', async () => {
  const plot = hamlet.shell.getByRole('group', { name: /^Plot over time/ })
  await plot.focus()
  await plot.press('Home')
  const first = await hamlet.shell.locator('#plot-readout').textContent()
  expect(first).toMatch(/^At \d+\.\d\d s: window [\d.]+ kB, .* in flight, round trip/)
  await plot.press('ArrowRight')
  expect(await hamlet.shell.locator('#plot-readout').textContent()).not.toBe(first)
})

test('the plot is a table too, for who cannot see it', async () => {
  await hamlet.shell.getByText('Second by second').click()
  const table = hamlet.shell.getByRole('table', { name: 'Second by second' })
  await expect.poll(() => table.textContent()).toMatch(/0 s[\d.]+ kB to [\d.]+ kB/)
  await hamlet.picture('lab-seconds')
  await hamlet.shell.getByText('Second by second').click()
})

test('the packets are a ladder: what was lost and what was sent again is told, and read with the keyboard alone', async () => {
  const { shell } = hamlet
  await shell.getByRole('radio', { name: 'Packets' }).click()
  const ladder = shell.getByRole('listbox', { name: /^Packets, the newest at the end/ })
  await ladder.getByRole('option').first().waitFor()
  const lost = ladder.getByRole('option', { name: /SHORT #\d+ sent, .*STREAM.*; given up at [\d.]+ ms, found by/ })
  const again = ladder.getByRole('option', { name: /STREAM \d+ at .*; sent again/ })
  const readout = shell.locator('.ladder-foot p')
  await ladder.focus()
  await ladder.press('Home')
  await expect.poll(() => readout.textContent()).toMatch(/^At 0\.0 ms: HELLO #\d+ received, \d+ bytes: /)
  for (let page = 0; page < 100 && !(await lost.count() > 0 && await again.count() > 0); page++) await ladder.press('PageDown')
  expect([await lost.count(), await again.count()].every(count => count > 0)).toBe(true)
  await lost.first().click()
  await ladder.getByRole('option', { selected: true }).and(lost).waitFor()
  expect(await readout.textContent()).toMatch(/; given up at [\d.]+ ms, found by/)
  expect(await ladder.getByRole('option').count()).toBeLessThan(20)
  await hamlet.picture('lab-packets')
  await shell.getByRole('button', { name: 'Follow' }).click()
  await shell.getByRole('button', { name: 'Pause' }).waitFor()
})

test('the newest packets are followed, and the picture stands still while the person looks at older ones', async () => {
  const { shell } = hamlet
  const ladder = shell.getByRole('listbox', { name: /^Packets, the newest at the end/ })
  const last = ladder.getByRole('option').last()
  const size = async () => Number(await last.getAttribute('aria-setsize'))
  const peer = shell.getByRole('heading', { name: /^To / })
  const before = await peer.textContent()
  await shell.getByRole('button', { name: 'Load over RUDP' }).click()
  await expect.poll(() => peer.textContent(), { timeout: 20_000 }).not.toBe(before)
  await expect.poll(size, { timeout: 20_000 }).toBeGreaterThan(100)
  expect(await last.evaluate(row => row.ariaPosInSet === row.ariaSetSize)).toBe(true)
  await hamlet.picture('lab-packets-live')
  await ladder.hover()
  await shell.mouse.wheel(0, -1000)
  await shell.getByText(/^Paused; \d+ newer rows have come\.$/).waitFor()
  const paused = await size()
  await shell.getByText('1.0 MB in').waitFor({ timeout: 60_000 })
  expect(await size()).toBe(paused)
  await shell.mouse.wheel(0, 1_000_000)
  await shell.getByRole('button', { name: 'Pause' }).waitFor()
  await expect.poll(size).toBeGreaterThan(paused)
  await shell.getByRole('radio', { name: 'Plot' }).click()
})

test('whom a change is for is settled when it is made, however soon somebody looks from the other end', async () => {
  const { shell } = hamlet
  const link = shell.getByRole('combobox', { name: 'Link' })
  await link.selectOption('satellite')
  await shell.getByRole('radio', { name: 'Client', exact: true }).click()
  await expect.poll(() => link.inputValue(), { timeout: 5000 }).toBe('perfect')
  expect(await shell.getByRole('button', { name: /^Lab/ }).textContent()).toContain('link: satellite') // the other end's, which holds
  await shell.getByRole('radio', { name: 'App server', exact: true }).click()
  await expect.poll(() => link.inputValue(), { timeout: 5000 }).toBe('satellite')
})

test('of a short page a lost packet is restored by the parity, and the ladder tells', async () => {
  const { shell } = hamlet
  await shell.getByRole('combobox', { name: 'Link' }).selectOption('perfect')
  await shell.getByRole('radio', { name: 'Client', exact: true }).click() // what is restored the receiver knows
  const text = shell.getByRole('textbox', { name: 'As text' })
  await text.fill('delay=10ms loss=3% overhead=28 mtu=1500')
  await text.press('Enter')
  await shell.getByRole('button', { name: /^Lab.*link: delay=10ms loss=3%/ }).waitFor() // in force
  await shell.getByRole('radio', { name: '30 kB' }).click()
  const restored = shell.getByRole('listbox', { name: /^Packets, the newest at the end/ }).getByRole('option', { name: /restored by the parity/ })
  // Of 26 packets one is lost, and the parity is not, in one load of three.
  for (let load = 0; load < 40 && await restored.count() === 0; load++) {
    await shell.getByRole('button', { name: 'Load over RUDP' }).click()
    await shell.getByText(/^30 kB in /).waitFor()
    await shell.getByRole('radio', { name: 'Packets' }).click()
    await restored.waitFor({ timeout: 1000 }).catch(() => undefined)
  }
  expect(await restored.first().textContent()).toMatch(/STREAM 0 at \d+\+\d+ restored by the parity, with #\d+/)
  await restored.first().click()
  await hamlet.picture('lab-restored')
  await shell.getByRole('button', { name: 'Follow' }).click()
  await shell.getByRole('radio', { name: 'Plot' }).click()
  await shell.getByRole('combobox', { name: 'Link' }).selectOption('perfect')
  await shell.getByRole('radio', { name: 'App server', exact: true }).click()
})

test('the table and the choice of control are those of the connection, and a change holds for those to come', async () => {
  const { shell } = hamlet
  await shell.getByRole('radio', { name: 'cubic' }).click()
  await shell.getByRole('radio', { name: '5 MB' }).click()
  await shell.getByRole('combobox', { name: 'Link' }).selectOption('bottleneck')
  await shell.getByRole('button', { name: 'Load over RUDP' }).click()
  const table = shell.getByRole('table', { name: 'RUDP connections' })
  await expect.poll(() => table.textContent()).toMatch(/cubic.*bottleneck/)
  await expect.poll(async () => Number(await legend('Lost').textContent()), { timeout: 30_000 }).toBeGreaterThan(0)
  await hamlet.picture('lab-cubic')
  await shell.getByRole('button', { name: 'Stop', exact: true }).click()
  await shell.getByText(/^Stopped after/).waitFor()
})

test('what is for the one that is shown is for it alone, and is seen to be over with it', async () => {
  const { shell } = hamlet
  const scope = (name: string) => shell.getByRole('radio', { name, checked: true })
  const peer = shell.getByRole('heading', { name: /^To / })
  const before = await peer.textContent()
  await shell.getByRole('button', { name: 'Load over RUDP' }).click()
  await expect.poll(() => peer.textContent(), { timeout: 20_000 }).not.toBe(before)
  await shell.locator('.lab-state', { hasText: /^cubic, [^o]/ }).waitFor() // its row is there
  const table = shell.getByRole('table', { name: 'RUDP connections' })
  await shell.getByRole('radio', { name: 'The one shown' }).click()
  await scope('The one shown').waitFor()
  await shell.getByRole('radio', { name: 'tahoe' }).click()
  await expect.poll(() => table.textContent()).toMatch(/tahoe/)
  await shell.getByRole('button', { name: 'Stop', exact: true }).click()
  await scope('All, and new ones').waitFor({ timeout: 20_000 })
  await scope('cubic').waitFor()
  await shell.locator('.lab-state', { hasText: 'tahoe, over' }).waitFor()
})

test('what was recorded is saved where the person says, as a qlog with its packets', async () => {
  const path = join(folder, 'seen.qlog')
  await hamlet.answerSaveDialog(path)
  await hamlet.shell.getByRole('button', { name: 'Export qlog…' }).click()
  await hamlet.shell.getByText(`Saved as ${path}.`).waitFor()
  const { qlog_version, traces: [trace] } = JSON.parse(readFileSync(path, 'utf8'))
  expect(qlog_version).toBe('0.3')
  const names = new Set(trace.events.map(({ name }: { name: string }) => name))
  for (const name of ['transport:packet_sent', 'recovery:packet_lost', 'recovery:metrics_updated']) expect(names).toContain(name)
})

test('a link that was left bad is told in the rail, and the app server\'s panel has the table too', async () => {
  const { shell } = hamlet
  await shell.getByRole('button', { name: 'App server', exact: true }).click()
  await shell.getByRole('table', { name: 'RUDP connections' }).waitFor()
  await shell.getByRole('button', { name: /^Lab.*link: bottleneck/ }).click()
  await shell.getByRole('combobox', { name: 'Link' }).selectOption('perfect')
  await shell.getByRole('button', { name: 'Lab', exact: true }).waitFor()
})

test('a link for the one shown hides no bad link of all', async () => {
  const { shell } = hamlet
  await shell.getByRole('button', { name: 'Lab', exact: true }).click()
  await shell.getByRole('combobox', { name: 'Link' }).selectOption('satellite')
  const told = shell.getByRole('button', { name: /^Lab.*link: satellite/ })
  await told.waitFor()
  await shell.getByRole('radio', { name: '20 MB' }).click()
  await shell.getByRole('button', { name: 'Load over RUDP' }).click()
  await expect.poll(() => shell.getByRole('table', { name: 'RUDP connections' }).textContent()).toMatch(/satellite/)
  await shell.getByRole('radio', { name: 'The one shown' }).click()
  await told.waitFor()
  await shell.getByRole('combobox', { name: 'Link' }).selectOption('perfect')
  await expect.poll(() => shell.getByRole('table', { name: 'RUDP connections' }).textContent()).not.toMatch(/satellite/)
  await told.waitFor()
  await shell.getByRole('radio', { name: 'All, and new ones' }).click()
  await shell.getByRole('combobox', { name: 'Link' }).selectOption('perfect')
  await shell.getByRole('button', { name: 'Lab', exact: true }).waitFor()
})

test('with another domain the lab loads from there', async () => {
  const { shell } = hamlet
  const start = (settings: Record<string, unknown>) => shell.evaluate(asked => window.hamlet.invoke('service:start', { id: 'app-server', settings: asked }), settings)
  expect(await start({ domain: 'shop.home' })).toEqual({})
  await shell.getByRole('radio', { name: '30 kB' }).click()
  const loaded = shell.evaluate(() => new Promise(resolve => {
    window.hamlet.on('service:event', ({ name, data }) => { if (name === 'loaded' && JSON.stringify(data).includes('/bytes/30000')) resolve(data) })
  }))
  await shell.getByRole('button', { name: 'Load over RUDP' }).click()
  expect(await loaded).toMatchObject({ url: 'rudp://shop.home/bytes/30000', status: 200 })
  await start({})
})

test('a link of the settings is told in the rail, whether anybody looked at the lab or not, and in a window that is loaded anew', async () => {
  const { shell } = hamlet
  const link = shell.getByRole('textbox', { name: 'Link' })
  const panel = shell.getByRole('button', { name: 'App server', exact: true })
  const save = shell.getByRole('button', { name: 'Save and restart' })
  const told = shell.getByRole('button', { name: /^Lab.*link: loss=5%/ })
  await panel.click()
  await shell.getByText('More settings').click()
  await link.fill('loss=5%')
  await save.click()
  await told.waitFor()
  await hamlet.picture('lab-link-of-settings')
  await shell.reload()
  await told.waitFor()
  await panel.click()
  await link.fill('') // what was changed is not folded away
  await save.click()
  await shell.getByRole('button', { name: 'Lab', exact: true }).waitFor()
})
