import { mkdirSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { LeaseRecord } from './core/binding.ts'
import { LeaseStore } from './lease-store.ts'

const leaseOf = (yiaddr: string): LeaseRecord => ({ yiaddr, state: 'leased', key: '0102005e000001', mac: '02:00:5e:00:00:01', hostName: '', expiresAtMs: 1 })

const numberOf = (address: string) => address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0) & 0xffff

/** A store with a clock set by hand, whose alarms go off when `ring` is called. */
async function openStore(dataFolder = mkdtempSync(join(tmpdir(), 'hamlet-dhcp-'))) {
  const [logged, health]: [string[], (string | undefined)[]] = [[], []]
  const alarms: { atMs: number; ring: () => void }[] = []
  const clock = {
    now: 0,
    nowMs: () => clock.now,
    wakeAt(atMs: number, ring: () => void) {
      const alarm = { atMs, ring }
      alarms.push(alarm)
      return () => void alarms.splice(alarms.indexOf(alarm), 1)
    },
  }
  const store = await LeaseStore.open({ dataFolder, clock, log: text => logged.push(text), setHealth: reason => health.push(reason) })
  const append = (number: number) => new Promise<void>((resolve, reject) => store.append(leaseOf(`10.0.${number >>> 8}.${number & 255}`), error => error === undefined ? resolve() : reject(error)))
  const appendMany = (first: number, last: number) => Promise.all(Array.from({ length: last - first + 1 }, (_, index) => append(first + index)))
  const written = () => (readFileSync(join(dataFolder, 'leases.jsonl'), 'utf8').match(/10\.0\.\d+\.\d+/g) ?? []).map(numberOf)
  return { dataFolder, store, clock, alarms, logged, health, append, appendMany, written }
}

const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index)

test('a lease that arrives alone is written at once', async () => {
  const { store, clock, alarms, append, written } = await openStore()
  await append(1)
  clock.now = 4
  await append(2)
  clock.now = 8.5
  await append(3)
  expect([alarms, written()]).toEqual([[], range(1, 3)])
  await store.close()
})

test('a lease that arrives soon after a write waits for more, until four milliseconds after that write', async () => {
  const { store, clock, alarms, append, written } = await openStore()
  await append(1)
  clock.now = 1
  const second = append(2)
  clock.now = 3
  const third = append(3)
  expect([store.pending, alarms.map(({ atMs }) => atMs), written()]).toEqual([2, [4], [1]])
  clock.now = 4
  alarms.pop()?.ring()
  await Promise.all([second, third])
  expect([alarms, written()]).toEqual([[], range(1, 3)])
  await store.close()
})

test('a group is written early when it has thirty-two records, or when the store is closed', async () => {
  const { store, alarms, append, appendMany, written } = await openStore()
  await appendMany(1, 5)
  await appendMany(6, 37)
  expect([alarms, written()]).toEqual([[], range(1, 37)])
  const last = append(38)
  expect(alarms).toHaveLength(1)
  await store.close()
  await last
  expect(written()).toEqual(range(1, 38))
})

test('a file is compacted only when most of it is outdated, not at the first lease after a start', async () => {
  const first = await openStore()
  await first.appendMany(1, 1100)
  await first.store.close()
  const second = await openStore(first.dataFolder)
  await second.append(1)
  await second.store.close()
  expect(second.written()).toHaveLength(1101)
  const third = await openStore(first.dataFolder)
  third.store.live = () => []
  for (let count = 1101; count < 4401; count += 100) await Promise.all(Array.from({ length: 100 }, () => third.append(1)))
  await third.store.close()
  expect(third.written().length).toBeLessThan(200)
})

test('while the disk fails, one line says so, and the journal is retried every five seconds', async () => {
  const { dataFolder, store, clock, alarms, logged, health } = await openStore()
  const obstacle = join(dataFolder, 'leases.jsonl.new')
  mkdirSync(obstacle)
  const fail = () => { for (let count = 0; count < 100; count++) store.failed(new Error('the disk is full')) }
  fail()
  await expect.poll(() => alarms.map(({ atMs }) => atMs)).toEqual([5000])
  fail()
  clock.now = 5000
  alarms.pop()?.ring()
  await expect.poll(() => alarms.map(({ atMs }) => atMs)).toEqual([10_000])
  expect([logged, health]).toEqual([[expect.stringContaining('the disk is full')], [expect.stringContaining('retries every 5 s')]])
  rmdirSync(obstacle)
  alarms.pop()?.ring()
  await expect.poll(() => health.at(-1)).toBeUndefined()
  expect([alarms, logged.at(-1)]).toEqual([[], 'leases are granted again'])
  await store.close()
})
