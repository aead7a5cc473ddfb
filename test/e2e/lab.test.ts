/** The lab: link conditions, the plot, the packet ladder and the qlog export. */
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

/** A value in the plot's legend. */
const legend = (name: string) => hamlet.shell.getByRole('list', { name: 'Current values' }).getByRole('listitem').filter({ hasText: name }).locator('b')

test('at 10 % loss a page still loads, and the lab plots losses, threshold and window', async () => {
  const { shell } = hamlet
  await shell.getByRole('button', { name: 'Lab', exact: true }).click()
  await shell.getByText('No RUDP connection yet.').waitFor()
  await shell.getByRole('radio', { name: 'bbr', checked: true }).waitFor() // the app server's default
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

test('the plot can be read with the keyboard alone', async () => {
  const plot = hamlet.shell.getByRole('group', { name: /^Plot over time/ })
  await plot.focus()
  await plot.press('Home')
  const first = await hamlet.shell.locator('#plot-readout').textContent()
  expect(first).toMatch(/^At \d+\.\d\d s: window [\d.]+ kB, .* in flight, round trip/)
  await plot.press('ArrowRight')
  expect(await hamlet.shell.locator('#plot-readout').textContent()).not.toBe(first)
})

test('the plot is also available as a table', async () => {
  await hamlet.shell.getByText('Second by second').click()
  const table = hamlet.shell.getByRole('table', { name: 'Second by second' })
  await expect.poll(() => table.textContent()).toMatch(/0 s[\d.]+ kB to [\d.]+ kB/)
  await hamlet.picture('lab-seconds')
  await hamlet.shell.getByText('Second by second').click()
})

test('the packet ladder marks losses and retransmissions, and can be read with the keyboard alone', async () => {
  const { shell } = hamlet
  await shell.getByRole('radio', { name: 'Packets' }).click()
  const ladder = shell.getByRole('listbox', { name: /^Packets, newest last/ })
  await ladder.getByRole('option').first().waitFor()
  const lost = ladder.getByRole('option', { name: /SHORT #\d+ sent, .*STREAM.*; declared lost at [\d.]+ ms \((packet|time) threshold\)/ })
  const again = ladder.getByRole('option', { name: /STREAM \d+ at .*; retransmission/ })
  const readout = shell.locator('.ladder-foot p')
  await ladder.focus()
  await ladder.press('Home')
  await expect.poll(() => readout.textContent()).toMatch(/^At 0\.0 ms: HELLO #\d+ received, \d+ bytes: /)
  for (let page = 0; page < 100 && !(await lost.count() > 0 && await again.count() > 0); page++) await ladder.press('PageDown')
  expect([await lost.count(), await again.count()].every(count => count > 0)).toBe(true)
  await lost.first().click()
  await ladder.getByRole('option', { selected: true }).and(lost).waitFor()
  expect(await readout.textContent()).toMatch(/; declared lost at [\d.]+ ms \((packet|time) threshold\)/)
  expect(await ladder.getByRole('option').count()).toBeLessThan(20)
  await hamlet.picture('lab-packets')
  await shell.getByRole('button', { name: 'Follow' }).click()
  await shell.getByRole('button', { name: 'Pause' }).waitFor()
})

test('the ladder follows the newest packets, and stays still while the user looks at older ones', async () => {
  const { shell } = hamlet
  const ladder = shell.getByRole('listbox', { name: /^Packets, newest last/ })
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
  await shell.getByText(/^Paused, \d+ new\.$/).waitFor()
  const paused = await size()
  await shell.getByText('1.0 MB in').waitFor({ timeout: 60_000 })
  expect(await size()).toBe(paused)
  await shell.mouse.wheel(0, 1_000_000)
  await shell.getByRole('button', { name: 'Pause' }).waitFor()
  await expect.poll(size).toBeGreaterThan(paused)
  await shell.getByRole('radio', { name: 'Plot' }).click()
})

test('a change applies to the end where it was made, even if the user switches to the other end at once', async () => {
  const { shell } = hamlet
  const link = shell.getByRole('combobox', { name: 'Link' })
  await link.selectOption('satellite')
  await shell.getByRole('radio', { name: 'Client', exact: true }).click()
  await expect.poll(() => link.inputValue(), { timeout: 5000 }).toBe('perfect')
  expect(await shell.getByRole('button', { name: /^Lab/ }).textContent()).toContain('link: satellite') // the app server's link, still in force
  await shell.getByRole('radio', { name: 'App server', exact: true }).click()
  await expect.poll(() => link.inputValue(), { timeout: 5000 }).toBe('satellite')
})

test('the parity restores a lost packet of a short page, and the ladder shows it', async () => {
  const { shell } = hamlet
  await shell.getByRole('combobox', { name: 'Link' }).selectOption('perfect')
  await shell.getByRole('radio', { name: 'Client', exact: true }).click() // only the receiver knows what was restored
  const text = shell.getByRole('textbox', { name: 'As text' })
  await text.fill('delay=10ms loss=3% overhead=28 mtu=1500')
  await text.press('Enter')
  await shell.getByRole('button', { name: /^Lab.*link: delay=10ms loss=3%/ }).waitFor() // in force
  await shell.getByRole('radio', { name: '30 kB' }).click()
  const restored = shell.getByRole('listbox', { name: /^Packets, newest last/ }).getByRole('option', { name: /restored from parity/ })
  // In about one of three loads, one of the 26 packets is lost and the parity is not.
  for (let load = 0; load < 40 && await restored.count() === 0; load++) {
    await shell.getByRole('button', { name: 'Load over RUDP' }).click()
    await shell.getByText(/^30 kB in /).waitFor()
    await shell.getByRole('radio', { name: 'Packets' }).click()
    await restored.waitFor({ timeout: 1000 }).catch(() => undefined)
  }
  expect(await restored.first().textContent()).toMatch(/STREAM 0 at \d+\+\d+ restored from parity, with #\d+/)
  await restored.first().click()
  await hamlet.picture('lab-restored')
  await shell.getByRole('button', { name: 'Follow' }).click()
  await shell.getByRole('radio', { name: 'Plot' }).click()
  await shell.getByRole('combobox', { name: 'Link' }).selectOption('perfect')
  await shell.getByRole('radio', { name: 'App server', exact: true }).click()
})

test('the table shows a connection\'s congestion control and link, and a change applies to new connections', async () => {
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

test('a change for the shown connection applies to it alone, and the scope resets when it closes', async () => {
  const { shell } = hamlet
  const scope = (name: string) => shell.getByRole('radio', { name, checked: true })
  const peer = shell.getByRole('heading', { name: /^To / })
  const before = await peer.textContent()
  await shell.getByRole('button', { name: 'Load over RUDP' }).click()
  await expect.poll(() => peer.textContent(), { timeout: 20_000 }).not.toBe(before)
  await shell.locator('.lab-state', { hasText: /^cubic, (?!closed)/ }).waitFor() // its row has arrived
  const table = shell.getByRole('table', { name: 'RUDP connections' })
  await shell.getByRole('radio', { name: 'This one' }).click()
  await scope('This one').waitFor()
  await shell.getByRole('radio', { name: 'tahoe' }).click()
  await expect.poll(() => table.textContent()).toMatch(/tahoe/)
  await shell.getByRole('button', { name: 'Stop', exact: true }).click()
  await scope('All connections').waitFor({ timeout: 20_000 })
  await scope('cubic').waitFor()
  await shell.locator('.lab-state', { hasText: 'tahoe, closed' }).waitFor()
})

test('the recording is saved where the user chooses, as a qlog with its packets', async () => {
  const path = join(folder, 'seen.qlog')
  await hamlet.answerSaveDialog(path)
  await hamlet.shell.getByRole('button', { name: 'Export qlog…' }).click()
  await hamlet.shell.getByText(`Saved as ${path}.`).waitFor()
  const { qlog_version, traces: [trace] } = JSON.parse(readFileSync(path, 'utf8'))
  expect(qlog_version).toBe('0.3')
  const names = new Set(trace.events.map(({ name }: { name: string }) => name))
  for (const name of ['transport:packet_sent', 'recovery:packet_lost', 'recovery:metrics_updated']) expect(names).toContain(name)
})

test('the rail shows that the link is bad, and the app server\'s panel has the connection table too', async () => {
  const { shell } = hamlet
  await shell.getByRole('button', { name: 'App server', exact: true }).click()
  await shell.getByRole('table', { name: 'RUDP connections' }).waitFor()
  await shell.getByRole('button', { name: /^Lab.*link: bottleneck/ }).click()
  await shell.getByRole('combobox', { name: 'Link' }).selectOption('perfect')
  await shell.getByRole('button', { name: 'Lab', exact: true }).waitFor()
})

test('a perfect link of one connection does not hide the bad link of the others', async () => {
  const { shell } = hamlet
  await shell.getByRole('button', { name: 'Lab', exact: true }).click()
  await shell.getByRole('combobox', { name: 'Link' }).selectOption('satellite')
  const bad = shell.getByRole('button', { name: /^Lab.*link: satellite/ })
  await bad.waitFor()
  await shell.getByRole('radio', { name: '20 MB' }).click()
  await shell.getByRole('button', { name: 'Load over RUDP' }).click()
  await expect.poll(() => shell.getByRole('table', { name: 'RUDP connections' }).textContent()).toMatch(/satellite/)
  await shell.getByRole('radio', { name: 'This one' }).click()
  await bad.waitFor()
  await shell.getByRole('combobox', { name: 'Link' }).selectOption('perfect')
  await expect.poll(() => shell.getByRole('table', { name: 'RUDP connections' }).textContent()).not.toMatch(/satellite/)
  await bad.waitFor()
  await shell.getByRole('radio', { name: 'All connections' }).click()
  await shell.getByRole('combobox', { name: 'Link' }).selectOption('perfect')
  await shell.getByRole('button', { name: 'Lab', exact: true }).waitFor()
})

test('the lab loads from the configured domain', async () => {
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

test('the rail shows a link from the settings, even if the lab was never open and after a reload', async () => {
  const { shell } = hamlet
  const link = shell.getByRole('textbox', { name: 'Link' })
  const panel = shell.getByRole('button', { name: 'App server', exact: true })
  const save = shell.getByRole('button', { name: 'Save and restart' })
  const bad = shell.getByRole('button', { name: /^Lab.*link: loss=5%/ })
  await panel.click()
  await shell.getByText('More settings').click()
  await link.fill('loss=5%')
  await save.click()
  await bad.waitFor()
  await hamlet.picture('lab-link-of-settings')
  await shell.reload()
  await bad.waitFor()
  await panel.click()
  await link.fill('') // the changed field is not collapsed
  await save.click()
  await shell.getByRole('button', { name: 'Lab', exact: true }).waitFor()
})
