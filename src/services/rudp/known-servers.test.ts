import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { formatIdentity, KNOWN_SERVERS_FILE, KnownServers } from './known-servers.ts'

let folder = ''
let log: string[] = []
let known = new KnownServers('', () => undefined)
const file = () => join(folder, KNOWN_SERVERS_FILE)
const identity = (value: number) => formatIdentity(new Uint8Array(32).fill(value))

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hamlet-known-'))
  log = []
  known = new KnownServers(folder, text => log.push(text))
})
afterEach(() => rm(folder, { recursive: true }))

test('a server is known from its first visit on, by its whole name', async () => {
  expect(await known.find('my-app.home')).toBeUndefined()
  await known.add('my-app.home', identity(1))
  await known.add('192.0.2.1:8080', identity(2))
  expect(await Promise.all(['my-app.home', '192.0.2.1:8080', 'app.home', 'my-app.home:8080'].map(name => known.find(name)))).toEqual([identity(1), identity(2), undefined, undefined])
  expect(log).toEqual([`added my-app.home to the known servers: x25519 ${identity(1)}`, `added 192.0.2.1:8080 to the known servers: x25519 ${identity(2)}`])
})

test('users can read and edit the file, and an edit takes effect at once', async () => {
  await known.add('my-app.home', identity(1))
  expect(await readFile(file(), 'utf8')).toBe(`my-app.home x25519 ${identity(1)}\n`)
  await writeFile(file(), `# ours\n\n  other.home x25519 ${identity(3)}\r\n`)
  expect([await known.find('my-app.home'), await known.find('other.home')]).toEqual([undefined, identity(3)])
})

test('if an editor left the last line open, a new server still gets a line of its own', async () => {
  await writeFile(file(), `my-app.home x25519 ${identity(1)}`)
  await known.add('other.home', identity(2))
  expect(await readFile(file(), 'utf8')).toBe(`my-app.home x25519 ${identity(1)}\nother.home x25519 ${identity(2)}\n`)
})

test.each(['my-app.home', 'my-app.home x25519', 'my-app.home x25519 AAAA', `my-app.home ed25519 ${'A'.repeat(43)}=`, `my-app.home x25519 ${'A'.repeat(44)}`])('the line "%s" is reported as damage, with its number', async line => {
  await writeFile(file(), `# one\n${line}\n`)
  await expect(known.find('my-app.home')).rejects.toMatchObject({ code: 'file-damaged', parts: { why: 'line 2 is not "NAME x25519 BASE64"' } })
})

test('an endless file is not read', async () => {
  await writeFile(file(), '#'.repeat(1024 * 1024 + 1))
  await expect(known.find('my-app.home')).rejects.toMatchObject({ code: 'file-damaged' })
})

test('if nothing can be written, the log says so', async () => {
  await writeFile(join(folder, 'file'), '')
  await new KnownServers(join(folder, 'file'), text => log.push(text)).add('my-app.home', identity(1))
  expect(log).toEqual([expect.stringContaining(`${KNOWN_SERVERS_FILE} could not be written`)])
})
