import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { LIMITS } from './limits.ts'
import { Servers, TRANSPORTS, untilClosed } from './testing/servers.ts'

describe.each(TRANSPORTS)('over $transport', given => {
  const servers = new Servers(given)
  beforeAll(() => servers.open())
  afterAll(() => servers.close())
  afterEach(() => servers.stop())

  test('a body over the limit is refused, and the guestbook does not change', async () => {
    const { peer } = await servers.start()
    const refused = await servers.sign(peer, { name: 'Ada', message: 'x'.repeat(LIMITS.bodyBytesMax) })
    expect([refused.status, refused.headers.connection]).toEqual([413, 'close'])
    const { entries } = JSON.parse((await servers.ask(peer, '/guestbook/entries.json')).body.toString())
    expect(entries).toEqual([])
  })

  test.each([
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: my-app.home\r\nHost: my-app.home\r\n\r\n', 400],
    ['a second host after very many fields', `GET / HTTP/1.1\r\nHost: my-app.home\r\n${'a:\r\n'.repeat(3_000)}Host: my-app.home\r\n\r\n`, 400],
    ['what is not HTTP', 'hello\r\n\r\n', 400],
    ['two lengths', 'POST /guestbook HTTP/1.1\r\nHost: my-app.home\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx', 400],
    ['length and chunks', 'POST /guestbook HTTP/1.1\r\nHost: my-app.home\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['an unknown method', 'FROB / HTTP/1.1\r\nHost: my-app.home\r\n\r\n', 501],
    ['HTTP/2.0', 'GET /js/site.js HTTP/2.0\r\nHost: my-app.home\r\n\r\n', 505],
    ['HTTP/1.2', 'GET /js/site.js HTTP/1.2\r\nHost: my-app.home\r\n\r\n', 505],
    ['an https target', 'GET https://my-app.home/js/site.js HTTP/1.1\r\nHost: my-app.home\r\nConnection: close\r\n\r\n', 421],
    ['an Upgrade, followed by another request', 'GET /js/site.js HTTP/1.1\r\nHost: my-app.home\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nGET / HTTP/1.1\r\nHost: my-app.home\r\n\r\n', 200],
    ['HTTP/1.0 with chunks', 'POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 405],
    ['GET with the target *', 'GET * HTTP/1.1\r\nHost: my-app.home\r\n\r\n', 400],
    ['a broken path', 'GET /%zz HTTP/1.1\r\nHost: my-app.home\r\n\r\n', 400],
    ['a head over the limit', `GET / HTTP/1.1\r\nHost: my-app.home\r\nx: ${'x'.repeat(LIMITS.headerBytesMax)}\r\n\r\n`, 431],
    ['an unknown transfer coding', 'POST /guestbook HTTP/1.1\r\nHost: my-app.home\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 501],
    ['a body without an end', 'POST /guestbook HTTP/1.1\r\nHost: my-app.home\r\nTransfer-Encoding: gzip\r\n\r\nx', 400],
    ['a malformed chunk', 'POST /guestbook HTTP/1.1\r\nHost: my-app.home\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
    ['CONNECT', 'CONNECT elsewhere.example.org:443 HTTP/1.1\r\nHost: elsewhere.example.org:443\r\n\r\n', 501],
    ['an unknown expectation', 'GET /js/site.js HTTP/1.1\r\nHost: my-app.home\r\nExpect: wonders\r\nConnection: close\r\n\r\n', 200],
    ['HTTP/1.0 without a host', 'GET /js/site.js HTTP/1.0\r\n\r\n', 200],
    ['another host in the target', 'GET http://elsewhere.example.org/js/site.js HTTP/1.1\r\nHost: elsewhere.example.org\r\nConnection: close\r\n\r\n', 200],
  ])('%s gets a complete response, and the connection is closed', async (_, bytes, status) => {
    const { peer } = await servers.start()
    const reply = await servers.sendRaw(peer, bytes)
    expect([reply.slice(0, 12), ...['date', 'content-length'].map(name => new RegExp(`^${name}: (?!0).+`, 'im').test(reply))]).toEqual([`HTTP/1.1 ${status}`, true, true])
  })

  test.each([
    ['a byte after the last request', 'Connection: close\r\n', 'x'],
    ['a request after the last', 'Connection: close\r\n', 'GET / HTTP/1.1\r\nHost: my-app.home\r\n\r\n'],
    ['bytes that are not HTTP after a request', '', 'hello\r\n\r\n'],
  ])('%s: it is ignored, and the response is complete, even if it has begun already', async (_, fields, rest) => {
    const { peer } = await servers.start()
    const request = (lengthBytes: number) => `GET /bytes/${lengthBytes} HTTP/1.1\r\nHost: my-app.home\r\n${fields}\r\n`
    const [head = '', body] = (await servers.sendRaw(peer, request(10) + rest)).split('\r\n\r\n', 2)
    expect([head.slice(0, 15), /^connection: (.*)$/im.exec(head)?.[1], body?.length]).toEqual(['HTTP/1.1 200 OK', 'close', 10])

    const socket = await servers.dial(peer)
    const heard = untilClosed(socket)
    socket.write(request(30_000_000)) // more than fits in flight
    await once(socket, 'data')
    socket.pause().write(rest, () => socket.resume())
    expect((await heard).length - (await heard).indexOf('\r\n\r\n') - 4).toBe(30_000_000)
  })

  test('a body that stops halfway is answered with 408', async () => {
    const { peer } = await servers.start({}, { requestTimeoutMs: 300 })
    expect(await servers.sendRaw(peer, 'POST /guestbook HTTP/1.1\r\nHost: my-app.home\r\nContent-Length: 10\r\n\r\nname')).toMatch(/^HTTP\/1\.1 408 [^]*connection: close/i)
  })

  test('a client that sends far too much before it reads still learns why it is refused', async () => {
    const { peer } = await servers.start()
    const socket = await servers.dial(peer)
    socket.on('error', () => undefined) // the server may close before it has read everything
    socket.write('POST /guestbook HTTP/1.1\r\nHost: my-app.home\r\nContent-Length: 10000000\r\n\r\n')
    await new Promise(resolve => socket.write(Buffer.alloc(10_000_000), resolve))
    expect(await untilClosed(socket)).toMatch(/^HTTP\/1\.1 413 [^]*connection: close/i)
  })

  test('a client that never stops sending is cut off in the end', async () => {
    const { peer } = await servers.start({}, { closingMs: 200 })
    const socket = await servers.dial(peer)
    const heard = untilClosed(socket)
    socket.write('hello\r\n\r\n')
    const send = (): void => { if (socket.writable) socket.write(Buffer.alloc(16 * 1024), () => setImmediate(send)) }
    send()
    expect(await heard).toMatch(/^HTTP\/1\.1 400 /)
  })

  test.each([
    ['headers that never end', 'GET / HTTP/1.1\r\nHost: my-app.home\r\nx: '],
    ['silence', ''],
    ['half a request right after another', 'GET /js/site.js HTTP/1.1\r\nHost: my-app.home\r\n\r\nGET / HTTP/1.1\r\n'],
    ['a body that never comes', 'POST /guestbook HTTP/1.1\r\nHost: my-app.home\r\nContent-Length: 10\r\n\r\nname'],
  ])('%s: the connection is closed at the timeout, and others are served meanwhile', async (_, bytes) => {
    const { peer } = await servers.start({}, { headersTimeoutMs: 300, requestTimeoutMs: 300, keepAliveTimeoutMs: 300, closingMs: 100 })
    const cut = servers.sendRaw(peer, bytes)
    expect((await servers.ask(peer, '/')).status).toBe(200)
    await cut
  })

  test('a later request that never ends is cut off, too, long before an idle connection would be', async () => {
    const { peer } = await servers.start({}, { headersTimeoutMs: 300, closingMs: 100 })
    const socket = await servers.dial(peer)
    socket.write('GET /js/site.js HTTP/1.1\r\nHost: my-app.home\r\n\r\n')
    const heard = untilClosed(socket)
    await once(socket, 'data')
    socket.write('GET / HTTP/1.1\r\nHost: ')
    expect(await heard).toContain('HTTP/1.1 408 Request Timeout')
  })

  test('a connection over the limit is refused with 503', async () => {
    const { peer } = await servers.start({}, { connectionsMax: 1 })
    const first = await servers.dial(peer)
    first.write('GET /js/site.js HTTP/1.1\r\nHost: my-app.home\r\n\r\n')
    await once(first, 'data')
    expect((await servers.sendRaw(peer, 'GET / HTTP/1.1\r\nHost: my-app.home\r\n\r\n')).slice(0, 12)).toBe('HTTP/1.1 503')
    first.destroy()
  })
})
