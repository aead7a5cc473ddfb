import { connect } from 'node:net'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../kit/node/clock.ts'
import { openDoor } from '../kit/node/udp/open-door.ts'
import { TraceRing } from '../kit/trace.ts'
import { openListeners, type Listeners } from './listeners.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => { for (const close of closers.splice(0).reverse()) await close() })

/** Listeners that record the local address of each datagram. */
async function open(addresses: readonly string[]) {
  const addressesHit: string[] = []
  const lines: string[] = []
  const listeners = await openListeners({
    addresses, port: 0, trace: new TraceRing(16_384), clock: systemClock, log: text => lines.push(text), accept: socket => socket.end('hello'),
    receive: batch => { for (let index = 0; index < batch.count; index++) addressesHit.push(batch.path(index).local.address) },
  })
  closers.push(() => listeners.close())
  return { listeners, addressesHit, lines }
}

async function knock(listeners: Listeners, address: string): Promise<void> {
  const client = await openDoor({ addresses: ['127.0.0.1'], port: 0, receive: () => undefined })
  closers.push(() => client.close())
  client.send(client.pathTo({ address, port: listeners.port }), new TextEncoder().encode('knock'))
  client.flush()
}

test('a new address is served over UDP and TCP, and one that is gone is not', async () => {
  const { listeners, addressesHit } = await open(['127.0.0.1'])
  await listeners.follow(['127.0.0.1', '127.0.0.2'])
  expect(listeners.locals).toEqual([{ address: '127.0.0.1', port: listeners.port }, { address: '127.0.0.2', port: listeners.port }])
  await knock(listeners, '127.0.0.2')
  await expect.poll(() => addressesHit).toEqual(['127.0.0.2'])
  const [chunk]: unknown[] = await once(connect(listeners.port, '127.0.0.2'), 'data')
  expect(String(chunk)).toBe('hello')
  await listeners.follow(['127.0.0.1'])
  const refused = connect(listeners.port, '127.0.0.2')
  await expect(once(refused, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('an address that cannot be opened yet is reported once and retried', async () => {
  const { listeners, lines } = await open(['127.0.0.1'])
  for (let look = 0; look < 3; look++) await listeners.follow(['127.0.0.1', '192.0.2.1'])
  expect(lines).toEqual([expect.stringContaining('192.0.2.1 is not an address of this machine')])
  expect(listeners.locals.map(({ address }) => address)).toEqual(['127.0.0.1'])
})
