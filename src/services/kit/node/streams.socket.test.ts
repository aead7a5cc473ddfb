import { once } from 'node:events'
import { expect, test } from 'vitest'
import { onSamePort } from './same-port.ts'
import { connectStream, listenStreams } from './streams.ts'

test('each address accepts connections, all on one port', async () => {
  const listener = await listenStreams({ addresses: ['127.0.0.1', '127.0.0.2'], port: 0, accept: socket => socket.pipe(socket) })
  expect(new Set(listener.locals.map(({ port }) => port)).size).toBe(1)
  for (const local of listener.locals) {
    const socket = await connectStream(local, 5000)
    socket.write('hello')
    expect(String((await once(socket, 'data'))[0])).toBe('hello')
    socket.destroy()
  }
  await listener.close()
})

test('closing the listener closes open connections', async () => {
  const listener = await listenStreams({ addresses: ['127.0.0.1'], port: 0, accept: socket => socket.on('error', () => undefined) })
  const socket = await connectStream(listener.locals[0] ?? { address: '', port: 0 }, 5000)
  const closed = once(socket, 'close')
  await listener.close()
  socket.resume()
  await closed
})

test('dialing a port where nobody listens is connection-refused', async () => {
  await expect(connectStream({ address: '127.0.0.1', port: 1 }, 5000)).rejects.toMatchObject({ code: 'connection-refused', parts: { proof: 'ECONNREFUSED at connect 127.0.0.1:1' } })
})

test('free ports are tried until one suits all sockets', async () => {
  const taken: number[] = []
  const got = await onSamePort<unknown>(0, '127.0.0.1', port => {
    taken.push(port)
    if (taken.length < 3) return listenStreams({ addresses: ['127.0.0.1', '127.0.0.1'], port, accept: () => undefined })
    return Promise.resolve(port)
  })
  expect(taken.length).toBe(3)
  expect(got).toBe(taken[2])
})
