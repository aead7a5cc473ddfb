import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { systemClock } from '../kit/node/clock.ts'
import { secureRandom } from '../kit/node/random.ts'
import { TraceRing } from '../kit/trace.ts'
import { Connections } from './connections.ts'
import { tunnel } from './tunnel.ts'
import type { ResolveName } from './origin-server.ts'

test('a tunnel uses the next address of a name if one cannot be reached', async () => {
  const server = createServer(socket => socket.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a listening TCP server has one
  const random = secureRandom()
  const connections = new Connections({ clock: systemClock, random, trace: new TraceRing(16_384) })
  const records = ['127.0.0.2', '127.0.0.1'].map(data => ({ name: 'twin.home', type: 'A', ttl: 10, data }))
  const resolve: ResolveName = () => Promise.resolve({ rcode: 'NOERROR', records, server: '192.0.2.53:53', tookMs: 1, source: 'server', provenance: '', sentence: '' })
  const stream = new PassThrough()
  await tunnel({ connections, resolve, random }, ['home'], { host: 'twin.home', port }, stream, Buffer.alloc(0))
  expect(String(stream.read())).toMatch(/^HTTP\/1\.1 200 /)
  stream.destroy()
  await connections.close()
  server.close()
})
