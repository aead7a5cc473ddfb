import { afterEach, expect, test } from 'vitest'
import type { Path } from '../../endpoint.ts'
import { TraceRing } from '../../trace.ts'
import { systemClock } from '../clock.ts'
import type { DatagramDoor, DoorOptions } from './door.ts'
import { openDgramDoor } from './dgram-door.ts'
import { openTracedDoor } from './traced-door.ts'

const open: DatagramDoor[] = []
afterEach(async () => { for (const door of open.splice(0)) await door.close() })

/** A door on loopback that collects what it receives, and a way to wait for it. */
async function openDoor(options: Partial<DoorOptions> = {}) {
  const received: { text: string; path: Path }[] = []
  let arrived: () => void = () => undefined
  const door = await openDgramDoor({
    addresses: ['127.0.0.1'], port: 0,
    receive(batch) {
      for (let index = 0; index < batch.count; index++) {
        const offset = batch.offsets[index] ?? 0
        received.push({ text: Buffer.from(batch.slab.subarray(offset, offset + (batch.lengths[index] ?? 0))).toString(), path: batch.path(index) })
      }
      arrived()
    },
    ...options,
  })
  open.push(door)
  const receivedAtLeast = (count: number) => new Promise<typeof received>(resolve => {
    arrived = () => { if (received.length >= count) resolve(received) }
    arrived()
  })
  return { door, receivedAtLeast }
}

const text = (words: string) => new TextEncoder().encode(words)

test('nothing leaves before flush, and then everything does', async () => {
  const server = await openDoor()
  const client = await openDoor()
  const local = server.door.locals[0] ?? { address: '', port: 0 }
  const path = client.door.pathTo(local)
  client.door.send(path, text('one'))
  client.door.send(path, text('two'))
  client.door.flush()
  const received = await server.receivedAtLeast(2)
  expect(received.map(datagram => datagram.text).sort()).toEqual(['one', 'two'])
})

test('an answer goes back on the path that the question came by', async () => {
  const server = await openDoor()
  const client = await openDoor()
  client.door.send(client.door.pathTo(server.door.locals[0] ?? { address: '', port: 0 }), text('question'))
  client.door.flush()
  const [question] = await server.receivedAtLeast(1)
  if (question === undefined) throw new Error('no question came')
  server.door.send(question.path, text('answer'))
  server.door.flush()
  expect((await client.receivedAtLeast(1))[0]?.text).toBe('answer')
})

test('the same way is the same object', async () => {
  const { door } = await openDoor()
  const peer = { address: '127.0.0.1', port: 9 }
  expect(door.pathTo(peer)).toBe(door.pathTo({ ...peer }))
})

test('several addresses share one port', async () => {
  const { door } = await openDoor({ addresses: ['127.0.0.1', '127.0.0.2'] })
  expect(door.locals.map(({ address }) => address)).toEqual(['127.0.0.1', '127.0.0.2'])
  expect(new Set(door.locals.map(({ port }) => port)).size).toBe(1)
})

test('a datagram to a port that nobody has is lost, and the door goes on', async () => {
  const { door } = await openDoor()
  const server = await openDoor()
  door.send(door.pathTo({ address: '127.0.0.1', port: 1 }), text('nobody'))
  door.flush()
  door.send(door.pathTo(server.door.locals[0] ?? { address: '', port: 0 }), text('somebody'))
  door.flush()
  expect((await server.receivedAtLeast(1))[0]?.text).toBe('somebody')
})

test('a taken port is refused with its owner, and leaves no socket open', async () => {
  const { door } = await openDoor({ addresses: ['127.0.0.2'] })
  const port = door.locals[0]?.port ?? 0
  await expect(openDgramDoor({ addresses: ['127.0.0.1', '127.0.0.2'], port, receive: () => undefined }))
    .rejects.toMatchObject({ code: 'port-taken', parts: { why: expect.stringContaining(`(pid ${process.pid})`) } })
  await openDoor({ addresses: ['127.0.0.1'], port })
})

test('a traced door writes both directions into the trace', async () => {
  const trace = new TraceRing(16_384)
  const server = await openTracedDoor({ addresses: ['127.0.0.1'], port: 0, receive: () => undefined }, trace, 'dns', systemClock)
  open.push(server)
  const client = await openDoor()
  const local = server.locals[0] ?? { address: '', port: 0 }
  client.door.send(client.door.pathTo(local), text('in'))
  client.door.flush()
  await expect.poll(() => trace.nextSequence).toBe(1)
  server.send(server.pathTo(client.door.locals[0] ?? local), text('out'))
  expect(trace.read(0, 9).records.map(({ direction, protocol, bytes }) => [direction, protocol, Buffer.from(bytes).toString()])).toEqual([['in', 'dns', 'in'], ['out', 'dns', 'out']])
})
