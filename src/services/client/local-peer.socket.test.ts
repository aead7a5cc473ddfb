import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { isPeerGone } from './local-peer.ts'

test.each(['127.0.0.1', '::ffff:127.0.0.1'])('a peer that dialed %s exists after it ends its half, and is gone after it closes', async host => {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const browser = connect({ host, port: (server.address() as AddressInfo).port, allowHalfOpen: true }) // a listening TCP server has one
  const [socket] = await once(server, 'connection') as [Socket]
  expect(await isPeerGone(socket)).toBe(false)
  browser.end()
  await once(socket.resume(), 'end')
  expect(await isPeerGone(socket)).toBe(false)
  browser.destroy()
  await expect.poll(() => isPeerGone(socket)).toBe(true)
  socket.destroy()
  server.close()
})
