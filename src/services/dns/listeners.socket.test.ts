import { connect } from 'node:net'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../kit/node/clock.ts'
import { openDoor } from '../kit/node/udp/open-door.ts'
import { TraceRing } from '../kit/trace.ts'
import { openListeners, type Listeners } from './listeners.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => { for (const close of closers.splice(0).reverse()) await close() })

/** Front doors that note by which of their addresses a datagram came. */
async function open(addresses: readonly string[]) {
  const came: string[] = []
  const lines: string[] = []
  const doors = await openListeners({
    addresses, port: 0, trace: new TraceRing(16_384), clock: systemClock, log: text => lines.push(text), accept: socket => socket.end('hello'),
    receive: batch => { for (let index = 0; index < batch.count; index++) came.push(batch.path(index).local.address) },
  })
  closers.push(() => doors.close())
  return { doors, came, lines }
}

async function knock(doors: Listeners, address: string): Promise<void> {
  const client = await openDoor({ addresses: ['127.0.0.1'], port: 0, receive: () => undefined })
  closers.push(() => client.close())
  client.send(client.pathTo({ address, port: doors.port }), new TextEncoder().encode('knock'))
  client.flush()
}

test('an address that comes is answered on, by UDP and TCP, and one that goes is not', async () => {
  const { doors, came } = await open(['127.0.0.1'])
  await doors.follow(['127.0.0.1', '127.0.0.2'])
  expect(doors.locals).toEqual([{ address: '127.0.0.1', port: doors.port }, { address: '127.0.0.2', port: doors.port }])
  await knock(doors, '127.0.0.2')
  await expect.poll(() => came).toEqual(['127.0.0.2'])
  const [chunk]: unknown[] = await once(connect(doors.port, '127.0.0.2'), 'data')
  expect(String(chunk)).toBe('hello')
  await doors.follow(['127.0.0.1'])
  const refused = connect(doors.port, '127.0.0.2')
  await expect(once(refused, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('an address that cannot be opened yet is said once and tried again', async () => {
  const { doors, lines } = await open(['127.0.0.1'])
  for (let look = 0; look < 3; look++) await doors.follow(['127.0.0.1', '192.0.2.1'])
  expect(lines).toEqual([expect.stringContaining('192.0.2.1 is not an address of this machine')])
  expect(doors.locals.map(({ address }) => address)).toEqual(['127.0.0.1'])
})
