/** The window and its services together: starting, pages over both transports, panels, crashes, modes and the sandbox. */
import { once } from 'node:events'
import { mkdirSync, rmdirSync } from 'node:fs'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { emptyFolder } from '../support/hamlet.ts'
import { HamletWindow } from './hamlet-window.ts'

let hamlet: HamletWindow
const folder = emptyFolder()

beforeAll(async () => { hamlet = await HamletWindow.open(folder) }, 60_000)
afterAll(async () => { await hamlet.close() }, 30_000)

test('one button starts everything, and every lamp is lit', async () => {
  await hamlet.picture('first-start')
  await hamlet.startEverything()
  const page = await hamlet.page()
  await page.getByText('Welcome to my-app.home').first().waitFor()
  await hamlet.picture('everything-on')
})

describe.each(['TCP', 'RUDP'] as const)('over %s', transport => {
  test('the home page shows its text, runs its script and names its transport', async () => {
    await hamlet.choose(transport)
    const page = await hamlet.browse('my-app.home')
    await page.locator('#transport', { hasText: new RegExp(`\\b${transport}\\b`) }).waitFor()
    await page.getByText('Welcome to my-app.home').first().waitFor()
    expect(await page.locator('#script-status').textContent()).toContain('JavaScript is running')
    await hamlet.picture(`home-${transport.toLowerCase()}`)
  })

  test('the video plays, and continues after a seek', async () => {
    const page = await hamlet.browse('http://my-app.home/watch')
    const video = page.locator('video')
    await video.waitFor()
    const after = await video.evaluate(async element => {
      // The locator matches video elements only.
      const film = element as HTMLVideoElement
      film.muted = true
      await film.play()
      film.currentTime = film.duration * 0.6
      await new Promise(resolve => film.addEventListener('seeked', resolve, { once: true }))
      const soughtTo = film.currentTime
      await film.play()
      const reached = await new Promise<number>(resolve => {
        film.addEventListener('timeupdate', () => { if (film.currentTime > soughtTo + 0.5) resolve(film.currentTime) })
      })
      return { soughtTo, reached, duration: film.duration, width: film.videoWidth }
    })
    expect(after.soughtTo).toBeGreaterThan(after.duration * 0.55)
    expect(after.reached).toBeGreaterThan(after.soughtTo + 0.5)
    expect(after.width).toBeGreaterThan(0)
    await hamlet.picture(`film-${transport.toLowerCase()}`)
  })
})

test('a guestbook entry written over RUDP can be read over TCP', async () => {
  await hamlet.choose('RUDP')
  const page = await hamlet.browse('http://my-app.home/guestbook')
  const words = `written over RUDP by ${process.pid}`
  for (const [label, text] of [['Your name', 'Ada'], ['Your message', words]] as const) {
    await page.getByLabel(label).click() // otherwise the keys go to the address bar
    await page.getByLabel(label).fill(text)
  }
  await page.getByRole('button', { name: /sign/i }).click()
  await hamlet.picture('guestbook-rudp')
  await page.locator('#entries').getByText(words).waitFor()
  await hamlet.choose('TCP')
  await hamlet.browse('http://my-app.home/guestbook')
  await page.locator('#transport', { hasText: 'TCP' }).waitFor()
  await page.locator('#entries').getByText(words).waitFor()
})

test('the journey of the page is shown in four steps', async () => {
  const journey = hamlet.shell.getByRole('region', { name: 'Journey' })
  await expect.poll(() => journey.textContent()).toMatch(/Address.*Name.*Connect.*Page/s)
  await expect.poll(() => journey.textContent()).toContain('my-app.home')
})

test('an unknown name gets an error page that says what happened, why, and what to do', async () => {
  const page = await hamlet.browse('http://nobody.home/')
  await page.getByText(/^Because /).first().waitFor()
  await hamlet.picture('name-unknown')
})

test('each service has a panel with its switch, form, table and log', async () => {
  for (const [card, title] of [['DNS', 'DNS server'], ['DHCP', 'DHCP server'], ['App server', 'Application server'], ['Client', 'Client']] as const) {
    await hamlet.shell.getByRole('button', { name: card, exact: true }).click()
    await hamlet.shell.getByRole('heading', { name: title }).first().waitFor()
    await hamlet.shell.locator('.xterm-rows').waitFor()
    await hamlet.shell.getByRole('table').first().waitFor()
    await hamlet.picture(`panel-${title.toLowerCase().replace(/ /g, '-')}`)
  }
})

test('a name can be looked up in the panel, and the answer says where it came from', async () => {
  await hamlet.shell.getByRole('button', { name: 'DNS', exact: true }).click()
  const form = hamlet.shell.getByRole('region', { name: 'Look up a name' })
  await form.getByRole('textbox', { name: 'Name' }).fill('nothing.home')
  await form.getByRole('button', { name: 'Look up' }).click()
  await form.getByText(/^nothing\.home does not exist, answered by 127\.0\.0\.1:\d+ in \d+ ms \(zone\)$/).waitFor()
})

test('a setting changed in the form takes effect', async () => {
  await hamlet.shell.getByRole('button', { name: 'DHCP', exact: true }).click()
  const lease = hamlet.shell.getByRole('textbox', { name: 'Lease' })
  await lease.fill('59')
  await hamlet.shell.getByRole('button', { name: 'Save and restart' }).click()
  await hamlet.shell.getByText('Not saved. Correct').waitFor()
  await lease.fill('600')
  await hamlet.shell.getByRole('button', { name: 'Save and restart' }).click()
  const leaseSeconds = () => hamlet.shell.evaluate(async () => {
    const { value } = await window.hamlet.invoke('service:command', { id: 'client', name: 'lease', ask: { renew: true } })
    return typeof value === 'object' && value !== null ? Reflect.get(value, 'leaseSeconds') : undefined
  })
  await expect.poll(leaseSeconds).toBe(600)
  await hamlet.lampIs('dhcp', true)
})

test('a refused command returns an error, and the service keeps running', async () => {
  const { pid } = await hamlet.status('dhcp')
  const command = () => hamlet.shell.evaluate(() => window.hamlet.invoke('service:command', { id: 'dhcp', name: 'serve_everyone', ask: { confirmation: 'serve everyone' } }))
  // Repeated, because a former bug ended the service only every second time.
  for (let count = 0; count < 20; count++) expect((await command()).error?.what).toBe('nothing was changed')
  await hamlet.lampIs('dhcp', true)
  expect((await hamlet.status('dhcp')).pid).toBe(pid)
})

test('a killed service is reported and comes back on its ports; the window survives', async () => {
  for (const service of ['dns', 'dhcp', 'app-server', 'client'] as const) {
    const before = await hamlet.status(service)
    process.kill(before.pid ?? 0, 'SIGKILL')
    await hamlet.lampIs(service, false)
    await expect.poll(async () => (await hamlet.status(service)).pid).not.toBe(before.pid)
    await expect.poll(async () => (await hamlet.status(service)).state).toBe('running')
    expect((await hamlet.status(service)).endpoints).toEqual(before.endpoints)
    await hamlet.lampIs(service, true)
  }
  const page = await hamlet.browse('http://my-app.home/')
  await page.getByText('Welcome to my-app.home').first().waitFor()
  await hamlet.picture('after-the-crashes')
})

test('SIGUSR1 does not open Node\'s debugger in any service', async () => {
  for (const service of ['dns', 'dhcp', 'app-server', 'client'] as const) {
    const { pid } = await hamlet.status(service)
    process.kill(pid ?? expect.unreachable('it is running'), 'SIGUSR1')
  }
  const page = await hamlet.browse('my-app.home') // the page needs all services, so all have handled the signal by then
  await page.getByText('Welcome to my-app.home').first().waitFor()
  await expect(once(connect(9229, '127.0.0.1'), 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('a single role can be switched off, and its lamp goes out', async () => {
  await hamlet.shell.getByRole('switch', { name: 'DHCP server' }).click()
  await hamlet.lampIs('dhcp', false)
  await expect.poll(async () => (await hamlet.status('dhcp')).state).toBe('stopped')
  expect((await hamlet.status('dns')).state).toBe('running')
})

test('a service that fails to start after a mode change does not block the others, and starts with the next change', async () => {
  const site = emptyFolder()
  const start = (settings: Record<string, unknown>) => hamlet.shell.evaluate(asked => window.hamlet.invoke('service:start', { id: 'app-server', settings: asked }), settings)
  expect(await start({ site })).toEqual({})
  rmdirSync(site)
  await hamlet.shell.getByRole('radio', { name: 'LAN' }).click()
  await expect.poll(async () => (await hamlet.status('app-server')).state).toBe('failed')
  await expect.poll(async () => (await hamlet.status('client')).state).toBe('running')
  await hamlet.shell.getByRole('alert').getByText(site).first().waitFor()
  mkdirSync(site)
  await hamlet.shell.getByRole('radio', { name: 'Local' }).click()
  for (const service of ['app-server', 'client'] as const) await expect.poll(async () => (await hamlet.status(service)).state).toBe('running')
  expect((await hamlet.status('dhcp')).state).toBe('stopped')
  await start({})
})

test('after a restart the mode and the roles are as they were left', async () => {
  await hamlet.shell.getByRole('radio', { name: 'LAN' }).click()
  await expect.poll(async () => (await hamlet.status('dns')).endpoints.length).toBeGreaterThan(3)
  await expect.poll(async () => (await hamlet.status('client')).state, { timeout: 20_000 }).toBe('running')
  await hamlet.picture('lan-mode')
  await hamlet.close()
  hamlet = await HamletWindow.open(folder)
  await hamlet.lampIs('dns', true)
  await hamlet.lampIs('client', true)
  expect((await hamlet.status('dhcp')).state).toBe('stopped')
  expect(await hamlet.shell.getByRole('radio', { name: 'LAN' }).isChecked()).toBe(true)
  await hamlet.page()
}, 120_000)

test('the window reads a service\'s trace over a MessagePort', async () => {
  const packets = await hamlet.shell.evaluate(async () => {
    const port = await new Promise<MessagePort>(resolve => {
      window.addEventListener('message', ({ ports: [first] }) => { if (first !== undefined) resolve(first) })
      void window.hamlet.invoke('trace:open', { id: 'dns' })
    })
    port.start()
    return new Promise<{ records: { protocol: string; direction: string; bytes: Uint8Array }[]; missed: number }>(resolve => {
      port.addEventListener('message', ({ data }) => resolve(data))
      port.postMessage({ fromSequence: 0, limit: 100 })
    })
  })
  expect(packets.missed).toBe(0)
  expect(packets.records.length).toBeGreaterThan(3)
  expect(new Set(packets.records.map(({ direction }) => direction))).toContain('in')
  expect(new Set(packets.records.map(({ protocol }) => protocol))).toContain('dns')
})

test('the window is sandboxed, and pages get no privileges', async () => {
  const facts = await hamlet.inMain<{ type: string; node: unknown; isolated: unknown; sandbox: unknown; preload: unknown }[]>(({ webContents }) =>
    webContents.getAllWebContents().map(contents => {
      // Electron's types lack this method.
      const preferences = (contents as unknown as { getLastWebPreferences(): Electron.WebPreferences | null }).getLastWebPreferences()
      return { type: contents.getType(), node: preferences?.nodeIntegration, isolated: preferences?.contextIsolation, sandbox: preferences?.sandbox, preload: preferences?.preload }
    }))
  expect(facts.map(({ type }) => type).sort()).toEqual(['webview', 'window'])
  for (const fact of facts) expect(fact).toMatchObject({ node: false, isolated: true, sandbox: true })
  expect(facts.find(({ type }) => type === 'webview')?.preload).toBeUndefined()
  expect(await hamlet.shell.evaluate(() => typeof Reflect.get(window, 'require'))).toBe('undefined')
  // The content security policy works: an injected inline script does not run.
  expect(await hamlet.shell.evaluate(() => {
    const script = document.createElement('script')
    script.textContent = 'document.title = "ran"'
    document.head.append(script)
    return document.title
  })).toBe('Hamlet')
  const page = await hamlet.page()
  expect(await page.evaluate(() => typeof Reflect.get(window, 'hamlet'))).toBe('undefined')
})
