import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { LeaseRecord } from './core/leases.ts'
import { LeaseStore } from './lease-store.ts'

const leaseOf = (yiaddr: string): LeaseRecord => ({ yiaddr, state: 'leased', key: '0102005e000001', mac: '02:00:5e:00:00:01', hostName: '', expiresAtMs: 1 })

test('after a group of leases the next waits for others for two milliseconds; one that comes alone does not wait', async () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'hamlet-dhcp-'))
  let nowMs = 0
  let wake: (() => void) | undefined
  const clock = {
    nowMs: () => nowMs,
    wakeAt(atMs: number, awake: () => void) {
      expect(atMs).toBe(2)
      wake = awake
      return () => undefined
    },
  }
  const store = await LeaseStore.open({ dataFolder, clock, log: () => undefined, setHealth: () => undefined })
  const lend = (yiaddr: string) => new Promise<void>((resolve, reject) => store.append(leaseOf(yiaddr), error => error === undefined ? resolve() : reject(error)))
  await Promise.all([lend('10.0.0.1'), lend('10.0.0.2')])
  nowMs = 1
  const third = lend('10.0.0.3')
  expect([store.waiting, wake === undefined]).toEqual([1, false])
  nowMs = 2
  wake?.()
  await third
  await lend('10.0.0.4')
  const last = lend('10.0.0.5')
  await store.close()
  await last
  expect(readFileSync(join(dataFolder, 'leases.jsonl'), 'utf8').match(/10\.0\.0\.\d/g)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'])
})
