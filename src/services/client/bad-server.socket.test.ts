import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { basicAuthorization } from './credentials.ts'
import { clientService } from './service.ts'
import { CREDENTIALS, GATEWAY_SECRETS, GATEWAY_SETTINGS, proxyPort, startHeard, visit, type Heard } from './testing/browser.ts'

/** Servers that violate HTTP as node:http never would: each accepts a connection and sends what it likes. */
let gateway: Heard
const servers: Server[] = []

beforeAll(async () => { gateway = await startHeard(clientService, GATEWAY_SETTINGS, GATEWAY_SECRETS) })
afterAll(() => gateway.stop())
afterEach(() => { for (const server of servers.splice(0)) server.close() })

/** @param answer called with each connection */
async function serverThat(answer: (socket: Socket) => void): Promise<string> {
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    answer(socket)
  }).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  // A listening TCP server has an AddressInfo.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('an invalid response head becomes an error page, and the gateway survives', () => {
  test.each([
    ['a status below 100', 'HTTP/1.1 000 X'],
    ['another status below 100', 'HTTP/1.1 099 X'],
    ['a control character in the reason phrase', 'HTTP/1.1 200 O\u0001K'],
    ['an unrequested switch of protocols', 'HTTP/1.1 101 Switching Protocols'],
    ['the same, with its fields', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket'],
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9.2p1'],
  ])('%s', async (_, head) => {
    const origin = await serverThat(socket => socket.once('data', () => socket.end(`${head}\r\nContent-Length: 2\r\n\r\nhi`)))
    const page = await visit(gateway, `${origin}/`)
    expect([page.status, page.headers['x-hamlet-error'], page.complete]).toEqual([502, 'malformed-packet', true])
    expect(page.body.toString()).toContain('is not valid HTTP')
  })
})

test('the response of a server that stops reading an upload reaches even a browser that reads only when it has sent everything', async () => {
  const origin = await serverThat(socket => socket.once('data', () => socket.pause().write('HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno\n')))
  const bytes = 30_000_000
  const browser = connect(proxyPort(gateway), '127.0.0.1')
  browser.write(`POST ${origin}/ HTTP/1.1\r\nHost: a\r\nProxy-Authorization: ${basicAuthorization(CREDENTIALS)}\r\nContent-Length: ${bytes}\r\n\r\n`)
  await new Promise(resolve => browser.write(Buffer.alloc(bytes), resolve))
  let heard = ''
  for await (const chunk of browser) heard += String(chunk)
  expect(heard).toMatch(/^HTTP\/1\.1 413 [^]*connection: close[^]*no\n$/i)
})

test('a response head over the limit is reported as such', async () => {
  const origin = await serverThat(socket => socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(16 * 1024)}\r\n\r\n`)))
  const page = await visit(gateway, `${origin}/`)
  expect([page.status, page.headers['x-hamlet-error']]).toEqual([502, 'malformed-packet'])
  expect(page.body.toString()).toMatch(/sent a response head that is too long[^]*more than 16384 bytes/)
})
