import { copyFile, mkdtemp, open as openFile, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock, type Clock } from '../kit/node/clock.ts'
import { openJournal } from '../kit/node/journal.ts'
import { isNewerSerial } from './core/zone/apex.ts'
import type { Register, Unregister, ZoneChange } from './core/zone/zone-change.ts'
import { formatZone } from './core/zone/zone-writer.ts'
import { Zone } from './core/zone/zone.ts'
import { formatRdata } from './wire/rdata.ts'
import { TYPE } from './wire/types.ts'
import { openZoneStore, ZONE_JOURNAL, type ZoneStore } from './zone-store.ts'
import { ZONE_FILE, ZoneFile } from './zone-file.ts'

const SOA = '@ SOA localhost. hostmaster 7 3600 600 1209600 5\n'
let folder: string
const closers: (() => Promise<unknown>)[] = []
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'hamlet-zone-')) })
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  await rm(folder, { recursive: true })
})

interface Opened {
  readonly store: ZoneStore
  readonly zone: Zone
  readonly logs: string[]
  /** The `onDamaged` reports, oldest first. */
  readonly damaged: (string | undefined)[]
  readonly loaded: () => number
  readonly path: string
}

async function open(inFolder = folder, clock: Clock = systemClock): Promise<Opened> {
  const logs: string[] = []
  const damaged: (string | undefined)[] = []
  let loaded = 0
  const store = await openZoneStore({
    folder: inFolder, clock, log: text => logs.push(text), onTrouble: () => undefined, onDamaged: sentence => damaged.push(sentence), onLoaded: () => loaded++,
  })
  closers.push(() => store.close())
  return { store, zone: store.zone, logs, damaged, loaded: () => loaded, path: join(inFolder, ZONE_FILE) }
}

/** A copy of the folder, as the disk would hold it if the power failed now. */
async function crashed(inFolder = folder): Promise<string> {
  const copy = await mkdtemp(join(folder, 'crashed-'))
  for (const name of [ZONE_FILE, ZONE_JOURNAL]) {
    const from = join(inFolder, name)
    const state = await stat(from).catch(() => undefined)
    if (state === undefined) continue
    await copyFile(from, join(copy, name))
    await utimes(join(copy, name), state.atimeMs / 1000, state.mtimeMs / 1000)
  }
  return copy
}

const register = (name: string, rdata: string, more: Partial<Register> = {}): Register => ({ change: 'register', name, type: 'A', rdata, replace: true, ...more })
const addressesOf = (zone: Zone) => [...zone.records()].filter(({ type }) => type === 1).map(record => `${record.name} ${formatRdata(1, record.rdata)}`).sort()
const journalOf = async (inFolder: string) => (await readFile(join(inFolder, ZONE_JOURNAL), 'utf8')).trim().split('\n').length - 1

test('an edit made while the server runs is loaded soon, with the changes not yet in the file on top', async () => {
  await writeFile(join(folder, ZONE_FILE), `${SOA}printer A 192.0.2.9\n`)
  const { store, zone, loaded, path } = await open()
  await store.change(register('my-app.home', '192.0.2.1'))
  await writeFile(path, `${SOA}scanner A 192.0.2.10\n`)
  await expect.poll(loaded).toBe(1)
  expect(addressesOf(zone)).toEqual(['my-app.home 192.0.2.1', 'scanner.home 192.0.2.10'])
  await expect.poll(async () => readFile(path, 'latin1')).toMatch(/^my-app /m)
  expect(await readFile(path, 'latin1')).toMatch(/^scanner /m)
  expect(loaded()).toBe(1)
})

test('an edit that does not raise the serial has it raised; one that does keeps its own', async () => {
  const path = join(folder, ZONE_FILE)
  await writeFile(path, `${SOA}a A 192.0.2.1\n`)
  const { zone, loaded } = await open()
  expect(zone.serial).toBe(7)
  await writeFile(path, `${SOA}a A 192.0.2.22\n`)
  await expect.poll(loaded).toBe(1)
  expect(zone.serial).toBe(8)
  await writeFile(path, `${SOA.replace('7', '2026112801')}a A 192.0.2.33\n`)
  await expect.poll(loaded).toBe(2)
  expect([zone.serial, addressesOf(zone), zone.differencesSince(8)]).toEqual([2026112801, ['a.home 192.0.2.33'], undefined])
  expect(await readFile(path, 'latin1')).toContain('2026112801 ')
})

test('a file still being written is waited for, not overwritten', async () => {
  const { store, zone, loaded, path } = await open()
  await store.change(register('my-app.home', '192.0.2.1'))
  await expect.poll(() => stat(path).catch(() => undefined)).toBeDefined()
  const file = await openFile(path, 'w')
  await store.change(register('later.home', '192.0.2.2'))
  // Longer than the delay before dns.zone is written, with pauses shorter than those that mark a complete file.
  for (let index = 0; index < 15; index++) {
    await file.write(`n${index} A 192.0.2.${index}\n`)
    await new Promise<void>(resolve => void systemClock.wakeAt(systemClock.nowMs() + 100, resolve))
  }
  await file.close()
  await expect.poll(() => loaded() > 0 && addressesOf(zone).length).toBe(16)
  await expect.poll(async () => (await readFile(path, 'latin1')).match(/^(n\d+|later) /mg)?.length).toBe(16)
})

test('an edit saved just before dns.zone is replaced is kept', async () => {
  const { zone, path } = await open()
  await writeFile(path, 'a A 192.0.2.1\n')
  const file = new ZoneFile(folder)
  const known = await file.stat()
  await writeFile(path, 'a A 192.0.2.100\n')
  expect(await file.write(zone, known)).toBeUndefined()
  expect(await readFile(path, 'latin1')).toBe('a A 192.0.2.100\n')
  // The store notices the edit too, and restarts its journal meanwhile.
  await expect.poll(async () => (await readdir(folder)).filter(name => name.endsWith('.new'))).toEqual([])
  expect(await file.write(zone, await file.stat())).toEqual(await file.stat())
})

test('a file that cannot be parsed changes nothing, is reported with its line, and is left alone until repaired', async () => {
  const { store, zone, damaged, loaded, logs, path } = await open()
  await store.change(register('my-app.home', '192.0.2.1'))
  await expect.poll(() => stat(path).catch(() => undefined)).toBeDefined()
  const broken = 'scanner A 192.0.2.10\nbroken A 1.2.3\n'
  await writeFile(path, broken)
  await expect.poll(() => damaged).toEqual([expect.stringMatching(/line 2: .*1\.2\.3.*\[dns\.zone:2\]/)])
  expect(logs.filter(text => text.includes('line 2'))).toHaveLength(1)
  await store.change(register('later.home', '192.0.2.2'))
  expect([addressesOf(zone), await readFile(path, 'latin1'), damaged.length]).toEqual([['later.home 192.0.2.2', 'my-app.home 192.0.2.1'], broken, 1])
  await writeFile(path, broken.replace('1.2.3', '192.0.2.3'))
  await expect.poll(loaded).toBe(1)
  expect([addressesOf(zone), damaged[1]]).toEqual([['broken.home 192.0.2.3', 'later.home 192.0.2.2', 'scanner.home 192.0.2.10'], undefined])
  await expect.poll(async () => readFile(path, 'latin1')).toMatch(/^later /m)
})

test('an unparsable file and the changes since survive a restart; once the file is repaired, all names are back', async () => {
  const { store, damaged, path } = await open()
  await store.change(register('my-app.home', '192.0.2.1'))
  await expect.poll(() => stat(path).catch(() => undefined)).toBeDefined()
  await writeFile(path, 'broken A 1.2.3\n')
  await expect.poll(() => damaged.length).toBe(1)
  await store.change(register('later.home', '192.0.2.2'))
  await store.close()
  expect(await readFile(path, 'latin1')).toBe('broken A 1.2.3\n')
  const again = await open()
  expect(addressesOf(again.zone)).toEqual(['later.home 192.0.2.2'])
  expect(again.damaged).toEqual([expect.stringMatching(/line 1: .*1\.2\.3.*\. It is left as it is, and its names are not served until it is repaired\. [A-Z].*, or delete the file to start over\. \[dns\.zone:1\]$/)])
  expect(again.logs).toEqual(again.damaged)
  await again.store.change(register('newest.home', '192.0.2.4'))
  expect([await readFile(path, 'latin1'), await readdir(folder)]).toEqual(['broken A 1.2.3\n', ['dns.journal', 'dns.zone']])
  const { serial, isPartial } = again.zone
  await writeFile(path, 'broken A 192.0.2.3\n')
  await expect.poll(again.loaded).toBe(1)
  expect([isPartial, again.zone.isPartial]).toEqual([true, false])
  expect([addressesOf(again.zone), again.damaged[1], isNewerSerial(again.zone.serial, serial)]).toEqual([['broken.home 192.0.2.3', 'later.home 192.0.2.2', 'newest.home 192.0.2.4'], undefined, true])
  await expect.poll(async () => readFile(path, 'latin1')).toMatch(/^newest /m)
})

test.each([
  { name: 'NS and DNAME of one name', text: 'printer A 192.0.2.60\nold NS ns1.example.org.\nold DNAME new.home.\n', why: 'dns.zone could not be read: line 3: two records are incompatible: "old.home" has both NS and DNAME (RFC 6672 §2.3)' },
  { name: 'binary data', text: '\u0000\u0001\u0002', why: 'dns.zone could not be read: line 1: ' },
])('a first start leaves $name in dns.zone alone, and says what to do', async ({ text, why }) => {
  const path = join(folder, ZONE_FILE)
  await writeFile(path, text)
  const { store, damaged } = await open()
  expect(damaged).toEqual([expect.stringContaining(why)])
  await store.change(register('my-app.home', '192.0.2.1'))
  await store.close()
  expect(await readFile(path, 'latin1')).toBe(text)
})

test('an unparsable file that is deleted is written again', async () => {
  const { store, damaged, path } = await open()
  await store.change(register('my-app.home', '192.0.2.1'))
  await expect.poll(() => stat(path).catch(() => undefined)).toBeDefined()
  await writeFile(path, 'broken A 1.2.3\n')
  await expect.poll(() => damaged.length).toBe(1)
  await rm(path)
  await expect.poll(() => damaged.length).toBe(2)
  await expect.poll(async () => readFile(path, 'latin1').catch(() => '')).toMatch(/^my-app /m)
})

test('a journal of the first format, and one with every kind of change, is read', async () => {
  const changes: ZoneChange[] = [
    { change: 'register', name: 'a.home', type: 'A', rdata: '192.0.2.1', replace: true }, { change: 'unregister', name: 'a.home', type: 'A' }, { change: 'register', name: 'b.home', type: 'A', rdata: '192.0.2.2', replace: false },
    register('c.home', '192.0.2.3', { ttl: 300 }), register('c.home', '192.0.2.4', { replace: false }), { change: 'unregister', name: 'c.home', type: 'A', rdata: '192.0.2.3' },
    { change: 'update', changes: [{ change: 'unregister', name: 'x.home' }, register('d.home', '192.0.2.5')] },
  ]
  const { journal } = await openJournal({ folder, name: ZONE_JOURNAL, parse: value => value })
  await Promise.all(changes.map(change => new Promise<void>((resolve, reject) => journal.append(change, error => error === undefined ? resolve() : reject(error)))))
  await journal.close()
  const { zone, logs } = await open()
  expect([addressesOf(zone), zone.recordsOf('c.home')[0]?.ttl, logs]).toEqual([['b.home 192.0.2.2', 'c.home 192.0.2.4', 'd.home 192.0.2.5'], 300, []])
})

test('the serial never goes back: not after a crash, an edit, or an edit while the server was down', async () => {
  const path = join(folder, ZONE_FILE)
  await writeFile(path, `${SOA}a A 192.0.2.1\n`)
  const { store, zone, loaded } = await open()
  await store.change(register('b.home', '192.0.2.2'))
  await writeFile(path, `${SOA}a A 192.0.2.100\n`)
  await expect.poll(loaded).toBe(1)
  // Without the edit in the journal, a crash would count it as a further edit, one serial later: see the next test.
  await expect.poll(() => readFile(join(folder, ZONE_JOURNAL), 'utf8')).toContain(`"mtimeMs":${(await stat(path)).mtimeMs},`)
  await store.change(register('c.home', '192.0.2.3'))
  const served = zone.serial
  const copy = await crashed()
  const after = await open(copy)
  expect([after.zone.serial, addressesOf(after.zone)]).toEqual([served, ['a.home 192.0.2.100', 'b.home 192.0.2.2', 'c.home 192.0.2.3']])
  await after.store.close()
  const last = after.zone.serial
  await writeFile(join(copy, ZONE_FILE), `${SOA}a A 192.0.2.5\n`)
  expect((await open(copy)).zone.serial).toBe(last + 1)
})

test('a crash between writing dns.zone and restarting the journal changes nothing but the serial, which only goes up', async () => {
  const { store, zone, path } = await open()
  const changes = [register('a.home', '192.0.2.1'), register('a.home', '192.0.2.2', { replace: false }), { change: 'unregister', name: 'a.home' } as const, register('a.home', 'b.home.', { type: 'CNAME' }), register('b.home', '192.0.2.3')]
  for (const change of changes) await store.change(change)
  const copy = await crashed()
  await expect.poll(() => stat(path).catch(() => undefined)).toBeDefined()
  await copyFile(path, join(copy, ZONE_FILE))
  const after = await open(copy)
  const texts = (each: Zone) => [...each.records()].filter(({ type }) => type !== 6).map(({ name, type, rdata }) => `${name} ${formatRdata(type, rdata)}`).sort()
  expect(texts(after.zone)).toEqual(texts(zone))
  expect(after.zone.serial).toBeGreaterThanOrEqual(zone.serial)
})

test('a dns.zone written during changes and the journal of them all yield the current zone', async () => {
  const name = fc.constantFrom('a.home', 'b.home')
  const data = fc.constantFrom(['A', '192.0.2.1'], ['A', '192.0.2.2'], ['TXT', 'x'], ['CNAME', 'c.home.'])
  const part = fc.oneof(
    fc.record({ name, data, replace: fc.boolean() }).map(({ name: owner, data: [type = '', rdata = ''], replace }) => ({ change: 'register' as const, name: owner, type, rdata, replace })),
    fc.record({ name, data, how: fc.nat(2) }).map(({ name: owner, data: [type = '', rdata = ''], how }) => ({ change: 'unregister' as const, name: owner, ...(how > 0 ? { type } : {}), ...(how > 1 ? { rdata } : {}) })))
  const change: fc.Arbitrary<ZoneChange> = fc.oneof(part, fc.array(part, { minLength: 1, maxLength: 3 }).map(changes => ({ change: 'update' as const, changes })))
  const texts = (each: Zone) => [...each.records()].filter(({ type }) => type !== TYPE.SOA).map(({ name: owner, type, rdata }) => `${owner} ${formatRdata(type, rdata)}`).sort()
  const [alias, text, address] = [register('b.home', 'c.home.', { type: 'CNAME' }), register('b.home', 'x', { type: 'TXT' }), register('b.home', '192.0.2.1')]
  const noAlias: Unregister = { change: 'unregister', name: 'b.home', type: 'CNAME' }
  const update = (...changes: readonly (Register | Unregister)[]): ZoneChange => ({ change: 'update', changes })
  /** Timers never fire, so dns.zone is not written. */
  const stopped: Clock = { ...systemClock, wakeAt: () => () => undefined }
  const both = (zone: Zone) => ({ a: zone.recordsOf('a.home'), b: zone.recordsOf('b.home') })
  await fc.assert(fc.asyncProperty(fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 12 }), fc.nat(), fc.nat(), async (atOnce, momentA, momentB) => {
    const whole = await mkdtemp(join(folder, 'whole-'))
    const { store, zone } = await open(whole, stopped)
    const states = [both(zone)]
    for (const changes of atOnce) await Promise.allSettled(changes.map(each => store.change(each).then(() => states.push(both(zone)))))
    const copy = await crashed(whole)
    const [a, b] = [states[momentA % states.length]?.a ?? [], states[momentB % states.length]?.b ?? []]
    const mixed = { *records() { yield* [...a, ...b] }, recordsOf: () => [] }
    await writeFile(join(copy, ZONE_FILE), `${SOA.replace('7', '1')}${[...formatZone(mixed)].join('')}`)
    const { store: again, zone: replayed } = await open(copy, stopped)
    expect(texts(replayed)).toEqual(texts(zone))
    expect(replayed.serial).toBeGreaterThanOrEqual(zone.serial)
    await Promise.all([store.close(), again.close()])
  }), {
    numRuns: 60,
    examples: [
      // A change that had no effect, or was refused, next to a CNAME that is gone by now does not take effect on replay.
      [[[alias], [update(text, register('a.home', '192.0.2.9'))], [noAlias], [address]], 4, 4],
      [[[alias, text], [noAlias], [address]], 3, 3],
    ],
  })
})

test('a change that the zone already has costs nothing: no line in the journal, no step of the serial', async () => {
  const { store, zone } = await open()
  expect(await store.change(register('a.home', '192.0.2.1'))).toEqual(register('a.home', '192.0.2.1'))
  const before = [await journalOf(folder), zone.serial]
  expect(await store.change(register('A.home', '192.0.2.1'))).toBeUndefined()
  expect([await journalOf(folder), zone.serial]).toEqual(before)
  await Promise.all([store.change(register('a.home', '192.0.2.2')), store.change(register('a.home', '192.0.2.1'))])
  expect(addressesOf(zone)).toEqual(['a.home 192.0.2.1'])
})

test('a change made redundant by a pending one is acknowledged after it, and one that a pending one rules out leaves no line', async () => {
  const { store } = await open()
  const before = await journalOf(folder)
  const order: string[] = []
  const change = async (name: string, each: ZoneChange) => store.change(each).then(made => { order.push(name); return made })
  const ended = await Promise.allSettled([
    change('first', register('a.home', '192.0.2.1')), change('same', register('a.home', '192.0.2.1')), change('forbidden', register('a.home', 'b.home.', { type: 'CNAME' })),
  ])
  expect(ended).toEqual([
    { status: 'fulfilled', value: register('a.home', '192.0.2.1') }, { status: 'fulfilled', value: { change: 'update', changes: [] } }, { status: 'rejected', reason: expect.objectContaining({ code: 'usage' }) },
  ])
  expect([order, await journalOf(folder)]).toEqual([['first', 'same'], before + 2])
})

test('an impossible change leaves no line in the journal', async () => {
  const { store } = await open()
  const before = await journalOf(folder)
  await expect(store.change({ change: 'unregister', name: 'a.home' })).rejects.toMatchObject({ code: 'usage' })
  expect(await journalOf(folder)).toBe(before)
})
