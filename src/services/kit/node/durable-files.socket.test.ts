// The journal, replaced files and settings on a real disk.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { defaultSettings, type Settings } from '../../settings.ts'
import { nodeDisk, type Disk } from './disk.ts'
import { openJournal } from './journal.ts'
import { replaceFile } from './replace-file.ts'
import { loadSettings, saveSettings } from './settings-file.ts'

let folder = ''
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'hamlet-files-')) })
afterEach(() => rm(folder, { recursive: true }))

const parse = (value: unknown) => z.int().parse(value)

test('a journal that was appended to, compacted and closed is read back', async () => {
  const first = await openJournal({ folder, name: 'n.jsonl', parse })
  await Promise.all([1, 2, 3].map(n => new Promise(resolve => first.journal.append(n, resolve))))
  await first.journal.compact([2, 3])
  await new Promise(resolve => first.journal.append(4, resolve))
  await first.journal.close()
  const second = await openJournal({ folder, name: 'n.jsonl', parse })
  expect(second).toMatchObject({ records: [2, 3, 4], warnings: [] })
  await second.journal.close()
  expect(await readdir(folder)).toEqual(['n.jsonl'])
})

test('64 concurrent appends share few syncs of the real disk', async () => {
  let syncs = 0
  const counting: Disk = {
    ...nodeDisk,
    open: async (path, how) => {
      const file = await nodeDisk.open(path, how)
      return { ...file, syncData: () => (syncs++, file.syncData()) }
    },
  }
  const { journal } = await openJournal({ folder, name: 'n.jsonl', parse, disk: counting })
  await Promise.all(Array.from({ length: 64 }, (_, n) => new Promise(resolve => journal.append(n, resolve))))
  expect(syncs).toBeLessThanOrEqual(2)
  await journal.close()
})

test('kill -9 in the middle of work loses nothing that was acknowledged', async () => {
  const journalFile = fileURLToPath(new URL('./journal.ts', import.meta.url))
  const script = `
    import { openJournal } from ${JSON.stringify(journalFile)}
    const { journal, records } = await openJournal({ folder: ${JSON.stringify(folder)}, name: 'n.jsonl', parse: Number })
    let n = records.length === 0 ? 0 : Math.max(...records) + 1
    const memory = records
    const next = () => {
      const mine = n++
      journal.append(mine, error => { if (error === undefined) { memory.push(mine); process.stdout.write(mine + '\\n') }; next() })
      if (mine % 100 === 0) void journal.compact(memory)
    }
    for (let writer = 0; writer < 16; writer++) next()`
  const acknowledged = new Set<number>()
  for (let kill = 1; kill <= 4; kill++) {
    const child = spawn(process.execPath, ['--experimental-transform-types', '--no-warnings', '--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })
    const enough = acknowledged.size + 50 + kill * 37
    lines.on('line', line => {
      acknowledged.add(Number(line))
      if (acknowledged.size >= enough) child.kill('SIGKILL')
    })
    await Promise.all([once(child, 'exit'), once(lines, 'close')])
    const { journal, records } = await openJournal({ folder, name: 'n.jsonl', parse })
    await journal.close()
    const found = new Set(records)
    expect([...acknowledged].filter(n => !found.has(n))).toEqual([])
  }
})

test('a journal in a folder that does not exist is a HamletError', async () => {
  await expect(openJournal({ folder: join(folder, 'gone'), name: 'n.jsonl', parse })).rejects.toMatchObject({ code: 'disk-failed', parts: { what: 'a new n.jsonl could not be written', why: 'its folder is gone' } })
})

test('a replaced file has the new text, and no temporary file is left', async () => {
  const path = join(folder, 'dns.zone')
  await replaceFile(path, 'old')
  await writeFile(`${path}.new`, 'half-written by a process that was killed, and longer than what follows')
  await replaceFile(path, 'fünke')
  expect(await readFile(path, 'utf8')).toBe('fünke')
  expect(await readdir(folder)).toEqual(['dns.zone'])
})

test.each([0o600, 0o640, 0o664, 0o444])('a replaced file has the permissions and owner of the old one, from its first byte on (%o)', async mode => {
  const path = join(folder, 'dns.zone')
  await writeFile(path, 'old')
  const isSuperuser = process.getuid?.() === 0
  if (isSuperuser) await chown(path, 4711, 4712)
  await chmod(path, mode)
  const whileWriting: number[] = []
  const pieces = function* () {
    whileWriting.push(statSync(`${path}.new`).mode & 0o777)
    yield 'new'
  }
  for (let round = 0; round < 2; round++) await replaceFile(path, pieces())
  const { mode: kept, uid, gid } = await stat(path)
  expect([kept & 0o777, ...whileWriting]).toEqual([mode, mode, mode])
  if (isSuperuser) expect([uid, gid]).toEqual([4711, 4712])
  expect(await readFile(path, 'utf8')).toBe('new')
})

test('a symbolic link is kept, and its target is replaced', async () => {
  await mkdir(join(folder, 'elsewhere'))
  await writeFile(join(folder, 'elsewhere', 'home.zone'), 'old')
  await symlink(join('elsewhere', 'home.zone'), join(folder, 'dns.zone'))
  await replaceFile(join(folder, 'dns.zone'), 'new')
  expect(await readlink(join(folder, 'dns.zone'))).toBe(join('elsewhere', 'home.zone'))
  expect(await readFile(join(folder, 'elsewhere', 'home.zone'), 'utf8')).toBe('new')
  expect(await readdir(join(folder, 'elsewhere'))).toEqual(['home.zone'])
})

test('of many concurrent calls the last one wins, and a reader never sees a partial text', async () => {
  const path = join(folder, 'dns.zone')
  const texts = Array.from({ length: 20 }, (_, n) => String.fromCharCode(97 + n).repeat(20_000))
  await replaceFile(path, texts[0] ?? '')
  let writing = true
  const all = Promise.all(texts.map(text => replaceFile(path, text))).finally(() => { writing = false })
  while (writing) expect(texts).toContain(await readFile(path, 'utf8'))
  await all
  expect(await readFile(path, 'utf8')).toBe(texts.at(-1))
})

test('a large text is written in pieces, other work gets its turn between them, and the state describes the file', async () => {
  const path = join(folder, 'dns.zone')
  let turns = 0
  let writing = true
  const turn = () => {
    turns++
    if (writing) setImmediate(turn)
  }
  turn()
  const pieces = function* () {
    for (let index = 0; index < 100_000; index++) yield `line ${index} fünke\n`
  }
  const state = await replaceFile(path, pieces())
  writing = false
  const text = await readFile(path, 'utf8')
  expect(text).toBe([...pieces()].join(''))
  const { mtimeMs, size } = await stat(path)
  expect([state, turns > 5]).toEqual([{ mtimeMs, sizeBytes: size }, true])
})

test('a file that cannot be replaced stays as it is, and does not block the next call', async () => {
  const path = join(folder, 'dns.zone')
  await mkdir(path)
  await expect(replaceFile(path, 'text')).rejects.toMatchObject({ code: 'disk-failed', parts: { what: 'dns.zone could not be written' } })
  await rm(path, { recursive: true })
  await replaceFile(path, 'text')
  expect(await readFile(path, 'utf8')).toBe('text')
})

const settings: Settings = { ...defaultSettings, mode: 'lan', roles: { ...defaultSettings.roles, dns: { on: true, settings: { port: 5353, upstream: ['192.0.2.1'] } } } }

test('settings are loaded as they were saved', async () => {
  await saveSettings(folder, settings)
  expect(await loadSettings(folder)).toEqual({ path: join(folder, 'settings.json'), settings })
})

test('without a file, the settings are the defaults: local, and every role off', async () => {
  expect(await loadSettings(folder)).toEqual({ path: join(folder, 'settings.json'), settings: defaultSettings })
  expect(defaultSettings).toEqual({
    version: 1, mode: 'local', roles: { dns: { on: false, settings: {} }, dhcp: { on: false, settings: {} }, 'app-server': { on: false, settings: {} }, client: { on: false, settings: {} } },
  })
})

test('of a file with fewer or other roles, the known ones are used', async () => {
  await writeFile(join(folder, 'settings.json'), '{"version":1,"roles":{"dhcp":{"on":true},"ntp":{"on":true}}}')
  expect(await loadSettings(folder)).toEqual({ path: join(folder, 'settings.json'), settings: { ...defaultSettings, roles: { ...defaultSettings.roles, dhcp: { on: true, settings: {} } } } })
})

test.each([
  { text: '{"version":1,"mo', why: 'it is not JSON' },
  { text: '', why: 'it is not JSON' },
  { text: '[]', why: 'Invalid input: expected object, received array' },
  { text: '{"version":1,"mode":"wan"}', why: 'mode: it must be one of local, lan' },
  { text: '{"version":1,"roles":{"dns":{"on":"yes"}}}', why: 'roles.dns.on: Invalid input: expected boolean, received string' },
])('settings that read $text are set aside once, with a warning', async ({ text, why }) => {
  await writeFile(join(folder, 'settings.json'), text)
  await writeFile(join(folder, 'settings.json.damaged-1'), 'an older one')
  expect(await loadSettings(folder)).toEqual({
    path: join(folder, 'settings.json'), settings: defaultSettings, warning: `settings.json was damaged (${why}) and was set aside as settings.json.damaged-2; the default settings apply`,
  })
  expect(await readFile(join(folder, 'settings.json.damaged-2'), 'utf8')).toBe(text)
  expect(await readFile(join(folder, 'settings.json.damaged-1'), 'utf8')).toBe('an older one')
  expect(await loadSettings(folder)).toEqual({ path: join(folder, 'settings.json'), settings: defaultSettings })
})

test('settings of a newer version of Hamlet are refused and left as they are', async () => {
  const text = '{"version":2,"mode":"orbit"}'
  await writeFile(join(folder, 'settings.json'), text)
  await expect(loadSettings(folder)).rejects.toMatchObject({ code: 'file-damaged', parts: { done: 'it was left as it is' } })
  expect(await readFile(join(folder, 'settings.json'), 'utf8')).toBe(text)
})

test('a file named by the user is never set aside, and a bad one is a usage error', async () => {
  const file = join(folder, 'mine.json')
  await expect(loadSettings(folder, file)).rejects.toMatchObject({ code: 'usage', parts: { why: 'there is no such file' } })
  await writeFile(file, '{')
  await expect(loadSettings(folder, file)).rejects.toMatchObject({ code: 'usage', parts: { why: 'it is not JSON' } })
  expect(await readdir(folder)).toEqual(['mine.json'])
  for (const [text, why] of [
    ['{"version":1,"roles":{"dchp":{"on":true}}}', 'roles.dchp is not a known key; the keys there are dns, dhcp, app-server, client'],
    ['{"version":1,"roles":{"constructor":{}}}', 'roles.constructor is not a known key; the keys there are dns, dhcp, app-server, client'],
    ['{"version":1,"role":{}}', 'role is not a known key; the keys there are version, mode, roles'],
    ['{"version":1,"roles":{"dhcp":{"enabled":true}}}', 'roles.dhcp.enabled is not a known key; the keys there are on, settings'],
    ['{"version":1,"roles":{"dhcp":{"settings":{"prt":67}}}}', expect.stringMatching(/^roles\.dhcp\.settings\.prt is not a known key; the keys there are .*\bport\b/)],
  ]) {
    await writeFile(file, String(text))
    await expect(loadSettings(folder, file)).rejects.toMatchObject({ code: 'usage', parts: { why } })
  }
  await writeFile(file, '{"version":1,"mode":"lan"}')
  expect((await loadSettings(folder, file)).settings.mode).toBe('lan')
})
