import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { isAbandoned } from './abandoned.ts'

test.each(['127.0.0.1', '::ffff:127.0.0.1'])('who dialled by %s is there after the end of its half, and gone after its close', async host => {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const browser = connect({ host, port: (server.address() as AddressInfo).port, allowHalfOpen: true }) // a TCP server that listens has one
  const [socket] = await once(server, 'connection') as [Socket]
  expect(await isAbandoned(socket)).toBe(false)
  browser.end()
  await once(socket.resume(), 'end')
  expect(await isAbandoned(socket)).toBe(false)
  browser.destroy()
  await expect.poll(() => isAbandoned(socket)).toBe(true)
  socket.destroy()
  server.close()
})
