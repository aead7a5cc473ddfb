import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { HamletError } from '../errors.ts'
import { seededRandom } from '../random.ts'
import { encodeLines } from './journal-lines.ts'
import { openJournal, RECORD_LENGTH_MAX, WAITING_RECORDS_MAX, type Journal } from './journal.ts'
import { surviveCrashes } from './testing/journal-crashes.ts'
import { SimDisk } from './testing/sim-disk.ts'

const FILE = '/data/names.jsonl'
const record = z.object({ key: z.string(), n: z.int() })
type Entry = z.output<typeof record>

const open = (disk: SimDisk) => openJournal({ folder: '/data', name: 'names.jsonl', parse: value => record.parse(value), disk })
const append = (journal: Journal<Entry>, entry: Entry) => new Promise<HamletError | undefined>(resolve => journal.append(entry, resolve))
const freshDisk = () => new SimDisk(seededRandom(1))
const errno = (code: string) => Object.assign(new Error(code), { code })
const entries = (count: number): Entry[] => Array.from({ length: count }, (_, n) => ({ key: `host-${n}`, n }))

async function diskWith(records: readonly Entry[]): Promise<SimDisk> {
  const disk = freshDisk()
  const { journal } = await open(disk)
  for (const entry of records) await append(journal, entry)
  await journal.close()
  return disk
}

async function diskWithBytes(bytes: Uint8Array): Promise<SimDisk> {
  const disk = freshDisk()
  disk.put(FILE, bytes)
  return disk
}

const bytesOf = (disk: SimDisk, path = FILE) => disk.content(path) ?? new Uint8Array()

test('appended records are read back in order, in any script', async () => {
  const records = [{ key: 'fünke 山\n"\u2028', n: 1 }, { key: '', n: -7 }, { key: '\ud800', n: 3 }]
  const disk = await diskWith(records)
  expect(await open(disk)).toMatchObject({ records, warnings: [] })
})

test('the format is lines of number, JSON and checksum, which any text tool can read', async () => {
  const disk = await diskWith([{ key: 'a', n: 1 }])
  const text = new TextDecoder().decode(bytesOf(disk))
  expect(text).toMatch(/^0 \{"v":1,"created":"[0-9TZ:.-]+"\} [0-9a-f]{8}\n1 \{"key":"a","n":1\} a7670abc\n$/)
})

test('64 concurrent appends share at most two syncs', async () => {
  const disk = freshDisk()
  const { journal } = await open(disk)
  const before = disk.counts.syncData
  expect(await Promise.all(entries(64).map(entry => append(journal, entry)))).toEqual(new Array(64).fill(undefined))
  expect(disk.counts.syncData - before).toBeLessThanOrEqual(2)
  expect(disk.counts.syncData - before).toBeGreaterThan(0)
})

test('an append is acknowledged only after a sync that began after its write', async () => {
  const disk = freshDisk()
  const { journal } = await open(disk)
  let acknowledged = 0
  disk.fault = operation => {
    // When an operation begins, nothing has been acknowledged that a crash at this moment could lose.
    if (operation === 'syncData') expect(acknowledged).toBe(disk.counts.syncData - 1)
    return undefined
  }
  for (let n = 0; n < 20; n++) {
    await append(journal, { key: 'a', n })
    acknowledged++
  }
  expect(disk.counts.syncData).toBe(20)
})

// test/fault runs the same through 100,000 crashes.
test('whatever a crash loses, tears or reorders, no acknowledged record is lost and no record is invented', async () => {
  await fc.assert(fc.asyncProperty(fc.integer(), fc.boolean(), fc.boolean(), async (seed, appliesFirst, withFaults) => {
    await surviveCrashes(seed, { appliesFirst, withFaults })
  }), { numRuns: 1000 })
}, 60_000)

test('records read after a kill are durable before they are used, even if their writer never synced them', async () => {
  for (let seed = 0; seed < 30; seed++) {
    const disk = new SimDisk(seededRandom(seed))
    const killed = await open(disk)
    disk.stepsToLive = 1 // One write reaches the system, but no sync.
    void append(killed.journal, { key: 'unsynced', n: 1 })
    await disk.stopped
    disk.stepsToLive = Infinity
    const { records } = await open(disk)
    expect((await open(disk.afterCrash())).records).toEqual(records)
  }
})

test('a file cut at any byte opens with the records before the cut, and accepts appends', async () => {
  const records = entries(3)
  const bytes = bytesOf(await diskWith(records))
  const ends = [...bytes.keys()].filter(at => bytes[at] === 0x0a).map(at => at + 1)
  for (let cut = 0; cut < bytes.length; cut++) {
    const disk = await diskWithBytes(bytes.slice(0, cut))
    const { journal, records: read, warnings } = await open(disk)
    expect(read).toEqual(records.slice(0, Math.max(0, ends.filter(end => end <= cut).length - 1)))
    expect(warnings.length).toBe(ends.includes(cut) ? 0 : 1)
    await append(journal, { key: 'after', n: cut })
    expect((await open(disk)).records).toEqual([...read, { key: 'after', n: cut }])
  }
})

test('any single flipped bit is detected and costs at most two records, and the damaged bytes are kept', async () => {
  const records = entries(3)
  const bytes = bytesOf(await diskWith(records))
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice()
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    const disk = await diskWithBytes(flipped)
    const { records: read, warnings } = await open(disk)
    expect(warnings).toHaveLength(1)
    expect(records).toEqual(expect.arrayContaining(read))
    expect(read.length).toBeGreaterThanOrEqual(1)
    const kept = bytesOf(disk, `${FILE}.damaged-1`)
    expect(new TextDecoder('latin1').decode(flipped)).toContain(new TextDecoder('latin1').decode(kept))
    expect(kept.length).toBeGreaterThan(0)
    expect((await open(disk)).warnings).toEqual([])
  }
})

test('zeros from any byte to the end, as when the file length reaches the disk before the bytes, cost only the records they touch', async () => {
  const records = entries(3)
  const bytes = bytesOf(await diskWith(records))
  const ends = [...bytes.keys()].filter(at => bytes[at] === 0x0a).map(at => at + 1)
  for (let from = 0; from < bytes.length; from++) {
    const disk = await diskWithBytes(bytes.slice().fill(0, from))
    const { records: read, warnings } = await open(disk)
    expect(read).toEqual(records.slice(0, Math.max(0, ends.filter(end => end <= from).length - 1)))
    expect(warnings).toHaveLength(1)
  }
})

test.each([512, 4096])('a page of %i bytes that never reached the disk is detected, and costs only the records it touches and the line it runs into', async pageBytes => {
  const records = entries(400)
  const bytes = bytesOf(await diskWith(records))
  const starts = [0, ...[...bytes.keys()].filter(at => bytes[at] === 0x0a).map(at => at + 1)]
  for (let page = 0; page < bytes.length; page += pageBytes) {
    for (const garbage of [0, 0xff, 0x0a]) {
      const disk = await diskWithBytes(bytes.slice().fill(garbage, page, page + pageBytes))
      const { records: read, warnings } = await open(disk)
      const firstWhole = garbage === 0x0a ? page + pageBytes : page + pageBytes + 1
      expect(read).toEqual(records.filter((_, index) => (starts[index + 2] ?? 0) <= page || (starts[index + 1] ?? 0) >= firstWhole))
      expect(warnings).toHaveLength(1)
    }
  }
})

test('a tail of zeros is cut off, saved and reported', async () => {
  const bytes = bytesOf(await diskWith(entries(3)))
  const disk = await diskWithBytes(Uint8Array.of(...bytes, ...new Uint8Array(4096)))
  expect(await open(disk)).toMatchObject({ records: entries(3), warnings: ['names.jsonl ended in 4096 damaged bytes, which were cut off and saved as names.jsonl.damaged-1; 3 intact records were kept'] })
  expect(bytesOf(disk, `${FILE}.damaged-1`)).toEqual(new Uint8Array(4096))
})

test.each(['write', 'sync', 'syncFolder'] as const)('a copy of damaged bytes whose %s fails is removed again, however often', async failing => {
  const disk = await diskWithBytes(Uint8Array.of(...bytesOf(await diskWith(entries(3))), ...new Uint8Array(4096)))
  disk.fault = operation => operation === failing ? errno('ENOSPC') : undefined
  for (let start = 0; start < 3; start++) await expect(open(disk)).rejects.toMatchObject({ code: 'disk-failed' })
  expect(disk.names()).toEqual([FILE])
  disk.fault = () => undefined
  expect((await open(disk)).records).toEqual(entries(3))
  expect(disk.names()).toEqual([FILE, `${FILE}.damaged-1`])
})

test('if whole lines follow the damage, the whole file is set aside, and the records on both sides are kept', async () => {
  const bytes = bytesOf(await diskWith(entries(5)))
  const second = new TextDecoder().decode(bytes).indexOf('host-1')
  bytes.fill(0, second, second + 3)
  const disk = await diskWithBytes(bytes)
  disk.put(`${FILE}.damaged-1`, Uint8Array.of(1))
  const { records, warnings } = await open(disk)
  expect(records).toEqual(entries(5).filter(({ n }) => n !== 1))
  expect(warnings).toEqual(['names.jsonl was damaged and set aside as names.jsonl.damaged-2; 4 intact records were copied to a new file'])
  expect(bytesOf(disk, `${FILE}.damaged-2`)).toEqual(bytes)
  expect(bytesOf(disk, `${FILE}.damaged-1`)).toEqual(Uint8Array.of(1))
})

test.each([
  { name: 'a missing line', edit: (lines: string[]) => [...lines.slice(0, 2), ...lines.slice(3)], left: 2 },
  { name: 'a duplicated line', edit: (lines: string[]) => [...lines.slice(0, 2), ...lines.slice(1)], left: 3 },
  { name: 'two lines in the wrong order', edit: (lines: string[]) => [lines[0] ?? '', lines[2] ?? '', lines[1] ?? '', lines[3] ?? ''], left: 2 },
  { name: 'a missing header', edit: (lines: string[]) => lines.slice(1), left: 3 },
  { name: 'a text that is not a journal', edit: () => ['to be or not to be\n'], left: 0 },
  { name: 'an empty file', edit: () => [], left: 0 },
])('$name is detected', async ({ edit, left }) => {
  const text = new TextDecoder().decode(bytesOf(await diskWith(entries(3))))
  const edited = edit(text.split(/(?<=\n)/)).join('')
  const disk = await diskWithBytes(new TextEncoder().encode(edited))
  const { records, warnings } = await open(disk)
  expect(records).toHaveLength(left)
  expect(warnings).toHaveLength(1)
  expect(new TextDecoder().decode(bytesOf(disk, `${FILE}.damaged-1`))).toBe(edited)
})

test('if the record in a whole line is not valid, the file is set aside and the others are used', async () => {
  const disk = await diskWithBytes(encodeLines(0, ['{"v":1,"created":""}', '{"key":"a","n":1}', '{"key":"a","n":"many"}']))
  expect(await open(disk)).toMatchObject({ records: [{ key: 'a', n: 1 }], warnings: [expect.stringContaining('set aside as names.jsonl.damaged-1')] })
})

test('a journal in a newer format is refused and left as it is', async () => {
  const bytes = encodeLines(0, ['{"v":2,"created":"2030-01-01T00:00:00.000Z"}'])
  const disk = await diskWithBytes(bytes)
  await expect(open(disk)).rejects.toMatchObject({ code: 'file-damaged', parts: { why: 'it has format 2, and this version of Hamlet knows format 1' } })
  expect(disk.names()).toEqual([FILE])
  expect(bytesOf(disk)).toEqual(Uint8Array.from(bytes))
})

test.each(['write', 'syncData'] as const)('after one failed %s nothing is acknowledged until a compaction has rewritten the file', async failing => {
  const disk = freshDisk()
  const { journal } = await open(disk)
  expect(await append(journal, { key: 'a', n: 1 })).toBeUndefined()
  let faults = 1
  disk.fault = operation => operation === failing && faults-- > 0 ? errno('EIO') : undefined
  const late: Promise<HamletError | undefined>[] = []
  journal.append({ key: 'a', n: 2 }, () => late.push(append(journal, { key: 'a', n: 4 })))
  const waiting = append(journal, { key: 'a', n: 3 })
  expect(await waiting).toMatchObject({ code: 'disk-failed', parts: { why: 'the disk reports an I/O error', done: expect.any(String), proof: `EIO ${FILE}` } })
  for (let n = 5; n < 10; n++) expect(await append(journal, { key: 'a', n })).toMatchObject({ code: 'disk-failed' })
  expect(await Promise.all(late)).toMatchObject([{ code: 'disk-failed' }])
  await journal.compact([{ key: 'a', n: 1 }])
  expect(await append(journal, { key: 'b', n: 10 })).toBeUndefined()
  const { records } = await open(disk.afterCrash())
  expect(records).toEqual([{ key: 'a', n: 1 }, { key: 'b', n: 10 }])
})

test('the error for a full disk says so', async () => {
  const disk = freshDisk()
  const { journal } = await open(disk)
  disk.fault = operation => operation === 'write' ? errno('ENOSPC') : undefined
  expect(await append(journal, { key: 'a', n: 1 })).toMatchObject({ parts: { what: 'names.jsonl could not be written', why: 'the disk is full' } })
})

test('a compaction that cannot write its new file leaves the old one in use', async () => {
  const disk = await diskWith(entries(2))
  const { journal } = await open(disk)
  disk.fault = operation => operation === 'sync' ? errno('ENOSPC') : undefined
  await expect(journal.compact([{ key: 'z', n: 9 }])).rejects.toMatchObject({ code: 'disk-failed' })
  expect(await append(journal, { key: 'c', n: 3 })).toBeUndefined()
  expect((await open(disk.afterCrash())).records).toEqual([...entries(2), { key: 'c', n: 3 }])
})

test.each(['rename', 'syncFolder'] as const)('a compaction whose %s fails acknowledges nothing more', async failing => {
  const disk = await diskWith(entries(2))
  const { journal } = await open(disk)
  disk.fault = operation => operation === failing ? errno('EIO') : undefined
  await expect(journal.compact(entries(1))).rejects.toMatchObject({ code: 'disk-failed' })
  expect(await append(journal, { key: 'c', n: 3 })).toMatchObject({ code: 'disk-failed' })
})

test('a compaction keeps pending appends, and those made while it writes', async () => {
  const disk = await diskWith(entries(3))
  const { journal } = await open(disk)
  const waiting = append(journal, { key: 'waiting', n: 1 })
  const compacted = journal.compact([{ key: 'all', n: 6 }])
  const meanwhile = append(journal, { key: 'meanwhile', n: 2 })
  expect(await Promise.all([waiting, compacted, meanwhile])).toEqual([undefined, undefined, undefined])
  expect((await open(disk.afterCrash())).records).toEqual([{ key: 'all', n: 6 }, { key: 'waiting', n: 1 }, { key: 'meanwhile', n: 2 }])
})

test('a compaction delays no append, and keeps all that become durable while it writes', async () => {
  const disk = freshDisk()
  const { journal } = await open(disk)
  let isCompacted = false
  const compacted = journal.compact(entries(20_000)).then(() => { isCompacted = true })
  const meanwhile = Array.from({ length: 3 * 1024 }, (_, n) => ({ key: 'meanwhile', n }))
  expect(await Promise.all(meanwhile.map(entry => append(journal, entry)))).toEqual(new Array(meanwhile.length).fill(undefined))
  expect(isCompacted).toBe(false)
  await compacted
  expect((await open(disk.afterCrash())).records).toEqual([...entries(20_000), ...meanwhile])
})

test('a group that fails while a compaction writes is not in the new file, which repairs the journal', async () => {
  const disk = freshDisk()
  const { journal } = await open(disk)
  const compacted = journal.compact(entries(5000))
  let faults = 1
  disk.fault = operation => operation === 'syncData' && faults-- > 0 ? errno('EIO') : undefined
  expect(await append(journal, { key: 'failed', n: 1 })).toMatchObject({ code: 'disk-failed' })
  await compacted
  expect(await append(journal, { key: 'after', n: 2 })).toBeUndefined()
  expect((await open(disk.afterCrash())).records).toEqual([...entries(5000), { key: 'after', n: 2 }])
})

test('a compaction requested from within an acknowledgment loses no record of the same group', async () => {
  const disk = freshDisk()
  const { journal } = await open(disk)
  const memory: Entry[] = []
  await new Promise<void>((resolve, reject) => {
    journal.append({ key: 'first', n: 1 }, () => {
      memory.push({ key: 'first', n: 1 })
      journal.compact(memory).then(resolve, reject)
    })
    journal.append({ key: 'second', n: 2 }, () => memory.push({ key: 'second', n: 2 }))
  })
  expect((await open(disk.afterCrash())).records).toContainEqual({ key: 'second', n: 2 })
})

test('if the first of two compactions fails, the second keeps what was acknowledged before', async () => {
  const disk = freshDisk()
  const { journal } = await open(disk)
  let renames = 0
  disk.fault = operation => operation === 'rename' && renames++ === 0 ? errno('EIO') : undefined
  const acknowledged = append(journal, { key: 'a', n: 1 })
  for (const before = disk.counts.write; disk.counts.write === before;) await Promise.resolve() // Its group is being written.
  const [first, second] = [journal.compact([]), journal.compact([])]
  expect(await acknowledged).toBeUndefined()
  await expect(first).rejects.toMatchObject({ code: 'disk-failed' })
  await second
  expect((await open(disk.afterCrash())).records).toEqual([{ key: 'a', n: 1 }])
})

test('close waits for pending appends and refuses later ones', async () => {
  const disk = freshDisk()
  const { journal } = await open(disk)
  const acknowledged: (HamletError | undefined)[] = []
  for (const entry of entries(10)) journal.append(entry, error => acknowledged.push(error))
  await journal.close()
  expect(acknowledged).toEqual(new Array(10).fill(undefined))
  expect(await append(journal, { key: 'late', n: 1 })).toMatchObject({ code: 'refused' })
  await expect(journal.compact([])).rejects.toMatchObject({ code: 'refused' })
})

test('a record over the limit is refused, and only that one', async () => {
  const { journal } = await open(freshDisk())
  const [long, short] = await Promise.all([append(journal, { key: 'x'.repeat(RECORD_LENGTH_MAX), n: 1 }), append(journal, { key: 'x', n: 1 })])
  expect(long).toMatchObject({ code: 'refused' })
  expect(short).toBeUndefined()
})

test('records beyond the number that may wait are refused, and the others are persisted', async () => {
  const disk = freshDisk()
  const { journal } = await open(disk)
  const answers = await Promise.all(Array.from({ length: WAITING_RECORDS_MAX + 5 }, (_, n) => append(journal, { key: '', n })))
  expect(answers.filter(answer => answer?.code === 'refused')).toHaveLength(5)
  expect(answers.filter(answer => answer === undefined)).toHaveLength(WAITING_RECORDS_MAX)
})
