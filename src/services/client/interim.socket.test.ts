import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../kit/node/clock.ts'
import { secureRandom } from '../kit/node/random.ts'
import type { StreamListener } from '../kit/node/streams.ts'
import { TraceRing } from '../kit/trace.ts'
import { listenRudp } from '../rudp/listener.ts'
import { TRANSPORTS } from './contract.ts'
import { basicAuthorization } from './credentials.ts'
import { clientService } from './service.ts'
import { CREDENTIALS, GATEWAY_SECRETS, GATEWAY_SETTINGS, proxyPort, startHeard, visit, type Heard } from './testing/browser.ts'

/** Interim responses (RFC 9110 §15.2) through the gateway, from servers over TCP and over RUDP. */
let gateway: Heard
let server: Server
let rudp: Pick<StreamListener, 'close' | 'locals'>
const origins: Record<string, string> = {}
const credentials = `Proxy-Authorization: ${basicAuthorization(CREDENTIALS)}\r\n`

beforeAll(async () => {
  gateway = await startHeard(clientService, GATEWAY_SETTINGS, GATEWAY_SECRETS)
  server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  rudp = await listenRudp({
    addresses: ['127.0.0.1'], port: 0, clock: systemClock, random: secureRandom(), trace: new TraceRing(16_384),
    accept: socket => server.emit('connection', socket),
  })
  origins.tcp = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // a listening TCP server has one
  origins.rudp = `rudp://127.0.0.1:${rudp.locals[0]?.port}`
})
afterAll(async () => {
  await gateway.stop()
  await rudp.close()
  server.close()
})
afterEach(() => server.removeAllListeners('request').removeAllListeners('checkContinue'))

/** What the proxy answers to raw bytes, until it closes the connection. */
async function answerTo(bytes: string): Promise<string> {
  let heard = ''
  for await (const chunk of connect(proxyPort(gateway), '127.0.0.1').end(bytes)) heard += String(chunk)
  return heard
}

describe.each(TRANSPORTS)('over %s', transport => {
  const ask = (version: string) => answerTo(`GET ${origins[transport]}/ HTTP/${version}\r\nHost: a\r\n${credentials}\r\n`)

  describe('an interim response', () => {
    const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nLink: </b.css>\r\nConnection: X\r\nX: 1\r\n\r\n'
    beforeEach(() => {
      let asked = 0
      server.on('request', (_incoming, outgoing) => {
        outgoing.socket?.write(`${HINTS}HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n`)
        setTimeout(() => outgoing.end('hello'), 100 * ++asked)
      })
    })

    test('reaches an HTTP/1.1 browser, without the fields for the gateway', async () => {
      const via = 'Via: 1.1 hamlet\r\n\r\n'
      const interim = `HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nLink: </b.css>\r\n${via}HTTP/1.1 102 Processing\r\n${via}HTTP/1.1 100 Continue\r\n\r\n`
      const heard = await ask('1.1')
      expect(heard.slice(0, interim.length)).toBe(interim)
      expect(heard.slice(interim.length)).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*hello/)
    })

    test('is withheld from HTTP/1.0, which would take it for the final response', async () => {
      expect(await ask('1.0')).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*hello$/)
    })

    test('keeps its place among the responses to pipelined requests', async () => {
      const get = `GET ${origins[transport]}/ HTTP/1.1\r\nHost: a\r\n${credentials}\r\n`
      expect((await answerTo(get + get)).match(/(?<=HTTP\/1\.1 )\d+|hello/g)).toEqual(['103', '102', '100', '200', 'hello', '103', '102', '100', '200', 'hello'])
    })
  })

  test('a malformed interim response is not forwarded', async () => {
    server.on('request', (_incoming, outgoing) => void outgoing.socket?.write('HTTP/1.1 103 Early\u0001Hints\r\n\r\n'))
    expect((await visit(gateway, `${origins[transport]}/`)).headers['x-hamlet-error']).toBe('malformed-packet')
  })

  test('the server decides with 100 Continue whether the body is sent, and then gets all of it', async () => {
    let expected: string | undefined
    server.on('checkContinue', (incoming, outgoing) => {
      expected = incoming.headers.expect
      outgoing.writeContinue()
      incoming.pipe(outgoing)
    })
    const asked = request({ host: '127.0.0.1', port: proxyPort(gateway), method: 'PUT', path: `${origins[transport]}/`, headers: { 'Proxy-Authorization': basicAuthorization(CREDENTIALS), Expect: '100-continue' } })
    await once(asked, 'continue')
    expect(expected).toBe('100-continue')
    asked.end('a body')
    const [response] = await once(asked, 'response')
    let body = ''
    for await (const chunk of response) body += String(chunk)
    expect(body).toBe('a body')
  })

  test('a server can refuse a body before it is sent; the connection is closed, because the body may follow all the same', async () => {
    server.on('checkContinue', (_incoming, outgoing) => outgoing.writeHead(417).end('no'))
    const browser = connect(proxyPort(gateway), '127.0.0.1')
    browser.write(`PUT ${origins[transport]}/ HTTP/1.1\r\nHost: a\r\n${credentials}Expect: 100-continue\r\nContent-Length: 6\r\n\r\n`)
    let heard = ''
    for await (const chunk of browser) heard += String(chunk)
    expect(heard).toMatch(/^HTTP\/1\.1 417 Expectation Failed\r\n[^]*Connection: close\r\n[^]*\r\nno\r\n/i)
  })
})

test('endless interim responses to a browser that does not read are not buffered', async () => {
  const HINTS = `HTTP/1.1 103 Early Hints\r\nLink: ${'x'.repeat(8_000)}\r\n\r\n`
  let sent = 0
  let peer: Duplex | undefined
  const endless = createTcpServer(socket => {
    peer = socket.on('error', () => undefined)
    const send = (): void => { if (sent++ < 4_000) socket.write(HINTS, send) }
    socket.once('data', send)
  }).listen(0, '127.0.0.1')
  await once(endless, 'listening')
  const browser = connect(proxyPort(gateway), '127.0.0.1').pause()
  browser.write(`GET http://127.0.0.1:${(endless.address() as AddressInfo).port}/ HTTP/1.1\r\nHost: a\r\n${credentials}\r\n`)
  await expect.poll(() => sent, { timeout: 20_000 }).toBeGreaterThan(4_000)
  let heardBytes = 0
  browser.on('data', (chunk: Buffer) => { heardBytes += chunk.length }).resume()
  peer?.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
  browser.end()
  await once(browser, 'close')
  // 32 MB were sent; the buffers of two local sockets take less than half of that.
  expect(heardBytes).toBeLessThan(16_000_000)
  endless.close()
})
