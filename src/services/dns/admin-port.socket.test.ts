import { createSocket } from 'node:dgram'
import { afterEach, expect, test } from 'vitest'
import { TraceRing } from '../kit/trace.ts'
import { openAdminPort } from './admin-port.ts'
import { Zone } from './core/zone/zone.ts'
import { nodeHmac } from './hmac.ts'

const closers: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

test('a long list is sent completely, in bursts of 32 datagrams', async () => {
  const zone = new Zone()
  zone.apply({ change: 'update', changes: Array.from({ length: 9000 }, (_, index) => ({ change: 'register', name: `n${index}.home`, type: 'A', rdata: '192.0.2.1', replace: false })) })
  const waiting: (() => void)[] = []
  const door = await openAdminPort({
    addresses: ['127.0.0.1'], port: 0, trace: new TraceRing(), log: () => undefined,
    clock: { nowMs: () => 0, wakeAt: (_atMs, wake) => { waiting.push(wake); return () => undefined } },
    target: { zone, change: () => Promise.resolve(), decide: () => Promise.resolve(), flush: () => 0 },
    keyOf: () => undefined, hmac: nodeHmac, wallSeconds: () => 0, allowed: [], onRefused: () => undefined,
  })
  closers.push(() => door.close())
  const texts: string[] = []
  const reader = createSocket('udp4', message => texts.push(message.toString('utf8')))
  closers.push(() => { reader.close() })
  reader.send('LIST', door.locals[0]?.port ?? 0, '127.0.0.1')
  for (let bursts = 1; !/^OK /m.test(texts.join('')); bursts++) {
    await expect.poll(() => waiting.length + Number(/^OK /m.test(texts.join('')))).toBe(1)
    await expect.poll(() => texts.length).toBeGreaterThan(32 * (bursts - 1))
    expect(texts.length).toBeLessThanOrEqual(32 * bursts)
    waiting.shift()?.()
  }
  const lines = texts.join('').trimEnd().split('\n')
  expect([lines.length, lines[0], lines[9000]]).toEqual([9001, 'n0.home A 192.0.2.1', 'OK 9000 names'])
})
