import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { systemClock, type Clock } from '../kit/node/clock.ts'
import { basicAuthorization } from './credentials.ts'
import { openProxy, type Proxy, type ProxyOptions } from './proxy.ts'
import { CREDENTIALS } from './testing/browser.ts'

/** A clock on which every wait takes a hundredth of its time. */
const hasty: Clock = { nowMs: () => systemClock.nowMs(), wakeAt: (atMs, wake) => systemClock.wakeAt(systemClock.nowMs() + (atMs - systemClock.nowMs()) / 100, wake) }
const HEAD_MS = 100
const REQUEST = `GET http://my-app.home/ HTTP/1.1\r\nHost: my-app.home\r\nProxy-Authorization: ${basicAuthorization(CREDENTIALS)}\r\n\r\n`

let proxy: Proxy | undefined
afterEach(() => proxy?.close())

async function dial(forward: ProxyOptions['forward'] = async (_target, _incoming, outgoing) => void outgoing.end('hello')): Promise<{ socket: Socket; said: () => string; closed: Promise<unknown> }> {
  proxy = await openProxy({ port: 0, credentials: CREDENTIALS, clock: hasty, forward, tunnel: () => Promise.reject(new Error('none was asked for')) })
  const socket = connect(proxy.port, '127.0.0.1')
  let heard = ''
  socket.on('data', (chunk: Buffer) => { heard += chunk.toString('latin1') })
  return { socket, said: () => heard, closed: once(socket, 'close') }
}

test('a request head that is not complete in time is answered with 408', async () => {
  const { socket, said, closed } = await dial()
  socket.write('GET http://my-app.home/ HTTP/1.1\r\n')
  await closed
  expect(said()).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n[^]*x-hamlet-error: timed-out[^]*connection: close[^]*<\/html>/i)
})

test('so is a later one on the same connection, even if it keeps dripping; an idle connection stays open', async () => {
  const { socket, said, closed } = await dial()
  socket.write(REQUEST)
  await once(socket, 'data')
  await new Promise(resolve => setTimeout(resolve, 3 * HEAD_MS))
  socket.write(REQUEST)
  await once(socket, 'data')
  expect(said().match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2)
  socket.write('GET http://my-app.home/ HTTP/1.1\r\nX: ')
  const drip = setInterval(() => socket.write('X'), HEAD_MS / 5)
  await closed
  clearInterval(drip)
  expect(said()).toMatch(/hello[^]*hello[^]*HTTP\/1\.1 408 /)
})

test('a body that continues after its response is not taken for a head', async () => {
  const { socket, said } = await dial()
  socket.write(`POST http://my-app.home/ HTTP/1.1\r\nHost: my-app.home\r\nContent-Length: 20\r\nProxy-Authorization: ${basicAuthorization(CREDENTIALS)}\r\n\r\n`)
  for (let sent = 0; sent < 20; sent++) {
    await new Promise(resolve => setTimeout(resolve, HEAD_MS / 5))
    socket.write('x')
  }
  socket.write(REQUEST)
  await expect.poll(() => said().match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200'])
  socket.destroy()
})

test('a client that connects and sends nothing is disconnected without a response', async () => {
  const { said, closed } = await dial()
  await closed
  expect(said()).toBe('')
})

test('a request that is completed after its refusal is not forwarded', async () => {
  let made = 0
  const { socket, said, closed } = await dial(async () => void made++)
  socket.write(REQUEST.slice(0, -2))
  await once(socket, 'data')
  socket.end(REQUEST.slice(-2))
  await closed
  expect([made, said().slice(0, 12)]).toEqual([0, 'HTTP/1.1 408'])
})
