import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { basicAuthorization } from './credentials.ts'
import { clientService } from './service.ts'
import { CREDENTIALS, GATEWAY_SECRETS, GATEWAY_SETTINGS, proxyPort, startHeard, tunnelTo, visit, type Heard } from './testing/browser.ts'

/** A server at an address literal, so that these tests need no names. */
let server: Server
let origin: string
let gateway: Heard
let answer: (incoming: IncomingMessage, outgoing: ServerResponse) => void
let connections = 0
let seen: IncomingMessage[] = []

beforeAll(async () => {
  server = createServer((incoming, outgoing) => {
    seen.push(incoming)
    answer(incoming, outgoing)
  }).on('connection', () => connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${portOf(server)}`
  gateway = await startHeard(clientService, GATEWAY_SETTINGS, GATEWAY_SECRETS)
})
afterAll(async () => {
  await gateway.stop()
  server.close()
})
beforeEach(() => {
  answer = (_incoming, outgoing) => outgoing.end('hello')
  connections = 0
  seen = []
})

function portOf(listening: TcpServer): number {
  // A listening TCP server has an AddressInfo.
  return (listening.address() as AddressInfo).port
}

/** What the proxy answers to raw bytes, after which the browser ends its half. */
function rawly(bytes: string): Promise<string> {
  return textOf(connect(proxyPort(gateway), '127.0.0.1').end(bytes, 'latin1'))
}

async function textOf(socket: Socket): Promise<string> {
  let heard = ''
  for await (const chunk of socket) heard += String(chunk)
  return heard
}

describe('credentials', () => {
  test('a request without them, or with wrong ones, is answered with 407 and does not reach the server', async () => {
    const wrong = [undefined, { user: 'reader', password: '' }, { user: '', password: CREDENTIALS.password }, { user: 'reader', password: `${CREDENTIALS.password}x` }]
    for (const credentials of wrong) {
      const page = await visit(gateway, `${origin}/`, { credentials })
      expect([page.status, page.headers['proxy-authenticate']]).toEqual([407, 'Basic realm="Hamlet", charset="UTF-8"'])
    }
    expect((await tunnelTo(gateway, 'example.org:443', { user: 'a', password: 'b' })).status).toBe(407)
    expect(connections).toBe(0)
  })

  test('the gateway draws a password of 128 bits by default and prints it once, in an address that works', async () => {
    const alone = await startHeard(clientService, GATEWAY_SETTINGS)
    const [, user, password, port] = /^proxy: http:\/\/(\w+):([0-9a-f]{32})@127\.0\.0\.1:(\d+)$/.exec(alone.contractLines.join('\n')) ?? []
    expect(Number(port)).toBe(proxyPort(alone))
    const page = await visit(alone, `${origin}/`, { credentials: { user: user ?? '', password: password ?? '' } })
    expect(page.body.toString()).toBe('hello')
    await alone.stop()
  })

  test('given credentials are not printed', () => {
    expect([...gateway.contractLines, ...gateway.logs].join('\n')).not.toContain(CREDENTIALS.password)
  })
})

describe('a request', () => {
  const credentials = `Proxy-Authorization: ${basicAuthorization(CREDENTIALS)}\r\n`

  test('reaches the server as if there were no proxy', async () => {
    const page = await visit(gateway, `${origin}/a?b=c`, { headers: { Cookie: 'a=1', 'X-Hamlet-Transport': 'tcp', 'Proxy-Connection': 'keep-alive' } })
    expect(page.body.toString()).toBe('hello')
    expect([seen[0]?.url, seen[0]?.headers.host, seen[0]?.headers.cookie, seen[0]?.headers.via]).toEqual(['/a?b=c', origin.slice(7), 'a=1', '1.1 hamlet'])
    expect(Object.keys(seen[0]?.headers ?? {}).filter(name => name.startsWith('proxy-') || name.startsWith('x-hamlet'))).toEqual([])
  })

  test('for a page of the proxy itself is answered with 421', async () => {
    const page = await visit(gateway, '/', { credentials: undefined })
    expect([page.status, page.headers['x-hamlet-error']]).toEqual([421, 'refused'])
    expect(page.body.toString()).toContain('not a web server')
  })

  test('keeps all of its fields, however many, and its body; so does the response', async () => {
    answer = (incoming, outgoing) => {
      outgoing.socket?.write(`HTTP/1.1 200 OK\r\n${'a:\r\n'.repeat(3_000)}X-Last: yes\r\nContent-Length: 0\r\n\r\n`)
      incoming.resume()
    }
    server.maxHeadersCount = 0
    const heard = await rawly(`POST ${origin}/ HTTP/1.1\r\nHost: a\r\n${'a:\r\n'.repeat(3_000)}${credentials}X-Last: yes\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc`)
    expect([seen[0]?.headers['x-last'], seen[0]?.headers['content-length'], /^x-last: yes/im.test(heard)]).toEqual(['yes', '3', true])
  })

  test('for the options of a server as a whole is forwarded as OPTIONS *', async () => {
    for (const path of ['', '/']) await visit(gateway, `${origin}${path}`, { method: 'OPTIONS' })
    expect(seen.map(({ url }) => url)).toEqual(['*', '/'])
  })

  test('passes as many proxies as Max-Forwards allows, and the last one answers it', async () => {
    const hops = async (method: string, left: string) => (await visit(gateway, `${origin}/`, { method, headers: { 'Max-Forwards': left } })).status
    expect([await hops('OPTIONS', '0'), await hops('TRACE', '0'), seen.length]).toEqual([204, 501, 0])
    expect([await hops('OPTIONS', '3'), await hops('GET', '0'), ...seen.map(({ headers }) => headers['max-forwards'])]).toEqual([200, 200, '2', '0'])
  })

  test('with an unsupported scheme is answered with 400', async () => {
    const page = await visit(gateway, 'ftp://127.0.0.1/')
    expect([page.status, page.headers['x-hamlet-error']]).toEqual([400, 'usage'])
  })

  test.each([
    ['with a head over the limit', () => `GET ${origin}/ HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(16 * 1024)}\r\n\r\n`, 431],
    ['with a target that is not percent-encoded', () => `GET ${origin}/\u00c3\u00bc HTTP/1.1\r\nHost: a\r\n\r\n`, 400],
    ['with an unknown method', () => `FROB ${origin}/ HTTP/1.1\r\nHost: a\r\n\r\n`, 501],
    ['in HTTP/2.0', () => `GET ${origin}/ HTTP/2.0\r\nHost: a\r\n${credentials}\r\n`, 505],
    ['for a tunnel without a port', () => `CONNECT localhost HTTP/1.1\r\nHost: localhost\r\n${credentials}\r\n`, 400],
    ['for a tunnel without a host', () => `CONNECT localhost:1 HTTP/1.1\r\n${credentials}\r\n`, 400],
    ['without a host', () => `GET ${origin}/ HTTP/1.1\r\n${credentials}\r\n`, 400],
    ['with two hosts', () => `GET ${origin}/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n${credentials}\r\n`, 400],
    ['that stops in its head', () => `GET ${origin}/ HTTP/1.1\r\nHost: a\r\n`, 400],
    ['with an unknown transfer coding', () => `POST ${origin}/ HTTP/1.1\r\nHost: a\r\n${credentials}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
    ['with a body without an end', () => `POST ${origin}/ HTTP/1.1\r\nHost: a\r\n${credentials}Transfer-Encoding: gzip\r\n\r\nx`, 400],
    ['with a malformed chunk', () => `POST ${origin}/ HTTP/1.1\r\nHost: a\r\n${credentials}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400],
  ])('%s is answered with an error page', async (_, bytes, status) => {
    answer = (incoming, outgoing) => incoming.resume().once('end', () => outgoing.end())
    const heard = await rawly(bytes())
    expect(heard).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*x-hamlet-error: [^]*connection: close[^]*</html>`, 'i'))
    expect(heard).toMatch(/^date: /im)
  })

  test.each([['Connection: close\r\n', 'x'], ['Connection: close\r\n', 'GET / HTTP/1.1\r\n\r\n'], ['', 'hello\r\n\r\n']])('with %j is answered, whatever follows: %j', async (fields, rest) => {
    const heard = await rawly(`GET ${origin}/ HTTP/1.1\r\nHost: a\r\n${credentials}${fields}\r\n${rest}`)
    expect(heard).toMatch(/^HTTP\/1\.1 200 OK[^]*connection: close[^]*hello/i)
    expect(heard.match(/HTTP\/1\.1/g)).toHaveLength(1)
  })

  test('carries a body both ways, of known and unknown length', async () => {
    answer = (incoming, outgoing) => void incoming.pipe(outgoing)
    const body = randomBytes(3_000_000)
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
    for (const headers of [{ 'Content-Length': String(body.length) }, { 'Transfer-Encoding': 'chunked' }]) {
      const page = await visit(gateway, `${origin}/echo`, { method: 'POST', body, headers })
      expect([page.status, page.complete, digest(page.body)]).toEqual([200, true, digest(body)])
    }
    const withGet = await visit(gateway, `${origin}/echo`, { body: Buffer.from('odd but allowed'), headers: { 'Transfer-Encoding': 'chunked' } })
    expect(withGet.body.toString()).toBe('odd but allowed')
  })

  test('cannot smuggle another by naming Content-Length in Connection', async () => {
    answer = (incoming, outgoing) => void incoming.pipe(outgoing)
    const inner = 'GET /inner HTTP/1.1\r\nHost: a\r\n\r\n'
    const heard = await rawly(`GET ${origin}/ HTTP/1.1\r\nHost: a\r\n${credentials}Connection: content-length\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`)
    expect([seen.map(({ url }) => url), heard.includes(inner)]).toEqual([['/'], true])
  })

  test('is forwarded only after the one before it on the connection has ended, if either may change something', async () => {
    const order: string[] = []
    answer = ({ method, url }, outgoing) => {
      order.push(`${method} ${url}`)
      setTimeout(() => {
        order.push(`${url} done`)
        outgoing.end()
      }, 50)
    }
    const ask = (method: string, path: string) => `${method} ${origin}${path} HTTP/1.1\r\nHost: a\r\n${credentials}\r\n`
    await rawly(ask('GET', '/1') + ask('GET', '/2') + ask('DELETE', '/3') + ask('GET', '/4'))
    expect(order.slice(0, 2).sort()).toEqual(['GET /1', 'GET /2']) // both at once
    expect(order.slice(4)).toEqual(['DELETE /3', '/3 done', 'GET /4', '/4 done'])
    const followed = await rawly(`${ask('DELETE', '/5')}${ask('GET', '/6')}${ask('DELETE', '/7')}no request at all\r\n\r\n`)
    expect([followed.match(/HTTP\/1\.1 200/g)?.length, order.at(-1)]).toEqual([3, '/7 done'])
  })

  test('is forwarded concurrently with others of its connection, up to a limit', async () => {
    let [atOnce, most] = [0, 0]
    answer = (_incoming, outgoing) => {
      most = Math.max(most, ++atOnce)
      setTimeout(() => {
        atOnce--
        outgoing.end('hello')
      }, 5)
    }
    const heard = await rawly(`GET ${origin}/ HTTP/1.1\r\nHost: a\r\n${credentials}\r\n`.repeat(100))
    expect(heard.match(/hello/g)).toHaveLength(100)
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(32)
  })

  test('gets ranges, statuses, cookies and empty bodies as the server sent them', async () => {
    answer = (incoming, outgoing) => {
      if (incoming.method === 'HEAD') return outgoing.writeHead(200, { 'Content-Length': 12345 }).end()
      if (incoming.headers['if-none-match'] !== undefined) return outgoing.writeHead(304, { ETag: '"x"' }).end()
      outgoing.writeHead(206, 'Part of it', { 'Content-Range': 'bytes 1-3/5', 'Content-Length': 3, 'Set-Cookie': ['a=1', 'b=2'] }).end('ell')
    }
    const part = await visit(gateway, `${origin}/`, { headers: { Range: 'bytes=1-3' } })
    expect([part.status, part.headers['content-range'], part.headers['set-cookie'], part.body.toString()]).toEqual([206, 'bytes 1-3/5', ['a=1', 'b=2'], 'ell'])
    expect(seen[0]?.headers.range).toBe('bytes=1-3')
    const head = await visit(gateway, `${origin}/`, { method: 'HEAD' })
    expect([head.status, head.headers['content-length'], head.body.length, head.complete]).toEqual([200, '12345', 0, true])
    const unchanged = await visit(gateway, `${origin}/`, { headers: { 'If-None-Match': '"x"' } })
    expect([unchanged.status, unchanged.headers.etag, unchanged.body.length]).toEqual([304, '"x"', 0])
  })

  test('gets the head of an event stream before its first event', async () => {
    let stream: ServerResponse | undefined
    answer = (_incoming, outgoing) => {
      stream = outgoing.writeHead(200, { 'Content-Type': 'text/event-stream' })
      stream.flushHeaders()
    }
    const asked = request({ host: '127.0.0.1', port: proxyPort(gateway), path: `${origin}/events`, headers: { 'Proxy-Authorization': basicAuthorization(CREDENTIALS) } }).end()
    const [response] = await once(asked, 'response') as [IncomingMessage]
    stream?.end('data: 1\n\n')
    const [chunk] = await once(response, 'data') as [Buffer]
    expect(chunk.toString()).toBe('data: 1\n\n')
    asked.destroy()
  })

  test('after which the browser ends its half of the connection is answered', async () => {
    answer = (_incoming, outgoing) => void setTimeout(() => outgoing.end('hello'), 100) // long after the end has arrived
    const heard = await rawly(`GET ${origin}/ HTTP/1.1\r\nHost: a\r\nProxy-Authorization: ${basicAuthorization(CREDENTIALS)}\r\n\r\n`)
    expect(heard).toMatch(/^HTTP\/1\.1 200 OK[^]*hello/)
  })

  test('whose response comes long after the end of the browser\'s half is answered', async () => {
    answer = (_incoming, outgoing) => void setTimeout(() => outgoing.end('hello'), 6_000)
    const heard = await rawly(`GET ${origin}/ HTTP/1.1\r\nHost: a\r\nProxy-Authorization: ${basicAuthorization(CREDENTIALS)}\r\n\r\n`)
    expect(heard).toMatch(/^HTTP\/1\.1 200 OK[^]*hello/)
  })

  test('after which the browser ends its half gets a response with a long pause, and in HTTP/1.0 one that begins late', async () => {
    answer = ({ url }, outgoing) => {
      if (url === '/events') outgoing.write('first')
      setTimeout(() => outgoing.end('last'), 6_000)
    }
    const ask = (path: string, version: string) => rawly(`GET ${origin}${path} HTTP/${version}\r\nHost: a\r\n${credentials}\r\n`)
    const [events, late] = await Promise.all([ask('/events', '1.1'), ask('/late', '1.0')])
    expect(events).toMatch(/^HTTP\/1\.1 200 OK[^]*first[^]*last[^]*\r\n0\r\n\r\n$/)
    expect(late).toMatch(/^HTTP\/1\.1 200 OK[^]*last$/)
  })

  test('that is pipelined, after which the browser ends its half, gets its response intact', async () => {
    answer = ({ url }, outgoing) => void setTimeout(() => outgoing.end(url), url === '/first' ? 2_500 : 1_500)
    const ask = (path: string) => `GET ${origin}${path} HTTP/1.1\r\nHost: a\r\n${credentials}\r\n`
    const heard = await rawly(ask('/first') + ask('/second'))
    expect(heard.match(/HTTP\/1\.1 \d+|\r\n\r\n\/[a-z]+/g)).toEqual(['HTTP/1.1 200', '\r\n\r\n/first', 'HTTP/1.1 200', '\r\n\r\n/second'])
  })

  test.each(['before the response', 'in the middle of it'])('that the browser aborts %s is aborted at the server', async moment => {
    const asked = request({ host: '127.0.0.1', port: proxyPort(gateway), path: `${origin}/`, headers: { 'Proxy-Authorization': basicAuthorization(CREDENTIALS) } })
    asked.on('error', () => undefined)
    asked.on('response', () => asked.destroy())
    await new Promise<void>(resolve => {
      answer = (_incoming, outgoing) => {
        outgoing.once('close', resolve)
        if (moment === 'before the response') asked.destroy()
        else outgoing.writeHead(200).write('the beginning')
      }
      asked.end()
    })
  })
})

describe('a server that fails', () => {
  test('in the middle of a body aborts the browser\'s transfer, however the body is delimited', async () => {
    for (const headers of [{ 'Content-Length': '100000' }, {}]) {
      answer = (_incoming, outgoing) => outgoing.writeHead(200, headers).write('x'.repeat(1000), () => outgoing.socket?.destroy())
      const page = await visit(gateway, `${origin}/`)
      expect([page.status, page.complete]).toEqual([200, false])
      expect(page.body.length).toBeLessThanOrEqual(1000)
    }
  })

  test('before its response becomes an error page', async () => {
    answer = incoming => void incoming.socket.destroy()
    const page = await visit(gateway, `${origin}/`, { method: 'POST' })
    expect([page.status, page.headers['x-hamlet-error'], page.complete]).toEqual([502, 'connection-lost', true])
  })

  test('because it does not exist becomes an error page', async () => {
    const gone = createServer().listen(0, '127.0.0.1')
    await once(gone, 'listening')
    const port = portOf(gone)
    gone.close()
    await once(gone, 'close')
    const page = await visit(gateway, `http://127.0.0.1:${port}/`)
    expect([page.status, page.headers['x-hamlet-error'], page.headers['content-type']]).toEqual([502, 'connection-refused', 'text/html; charset=utf-8'])
    expect(page.body.toString()).toContain('could not be reached by TCP')
  })

  test('to keep an idle connection open gets a safe request again; an unsafe one is never sent on such a connection', async () => {
    const perConnection = new WeakMap<object, number>()
    answer = (incoming, outgoing) => {
      const count = (perConnection.get(incoming.socket) ?? 0) + 1
      perConnection.set(incoming.socket, count)
      if (count > 1) incoming.socket.destroy()
      else outgoing.end('fresh')
    }
    const alone = await startHeard(clientService, GATEWAY_SETTINGS, GATEWAY_SECRETS)
    expect((await visit(alone, `${origin}/`)).body.toString()).toBe('fresh')
    expect((await visit(alone, `${origin}/`)).body.toString()).toBe('fresh')
    expect(connections).toBe(2)
    for (const method of ['GET', 'POST', 'GET', 'DELETE']) expect([method, (await visit(alone, `${origin}/`, { method })).status]).toEqual([method, 200])
    await alone.stop()
  })
})

describe('a tunnel', () => {
  test('to an address of this network, or to a name that cannot be resolved, is refused', async () => {
    expect((await tunnelTo(gateway, origin.slice(7))).status).toBe(403)
    expect((await tunnelTo(gateway, '[::1]:443')).status).toBe(403)
    expect((await tunnelTo(gateway, 'nonsense:443')).status).toBe(502)
    expect(connections).toBe(0)
  })

  test.each(['browser', 'server'])('whose %s ends its half first still carries what the other side sends', async first => {
    const said: Record<string, Promise<string>> = {}
    const speak = async (name: string, socket: Socket): Promise<void> => {
      said[name] = textOf(socket)
      if (name !== first) await said[name]
      socket.end(`the ${name} is done`)
    }
    const peer = createTcpServer({ allowHalfOpen: true }, socket => void speak('server', socket)).listen(0, '127.0.0.1')
    await once(peer, 'listening')
    const warnings: Error[] = []
    const warned = (warning: Error): number => warnings.push(warning)
    process.on('warning', warned)
    const { status, stream, head } = await tunnelTo(gateway, `localhost:${portOf(peer)}`)
    expect(status).toBe(200)
    stream.unshift(head)
    await speak('browser', stream)
    expect([await said.browser, await said.server]).toEqual(['the server is done', 'the browser is done'])
    expect(warnings).toEqual([]) // of too many listeners
    process.off('warning', warned)
    peer.close()
  })
})

test('connections to a server are reused, and the journey says so', async () => {
  const alone = await startHeard(clientService, GATEWAY_SETTINGS, GATEWAY_SECRETS)
  for (let count = 1; count <= 3; count++) await visit(alone, `${origin}/${count}`, { headers: { 'Sec-Fetch-Dest': 'document' } })
  expect(connections).toBe(1)
  const sentences = alone.events.filter(({ name }) => name === 'journey').map(({ data }) => (data as { steps: { step: string; sentence: string }[] }).steps.find(({ step }) => step === 'connect')?.sentence)
  expect(sentences).toEqual([expect.stringMatching(/^TCP connection to 127\.0\.0\.1:\d+ opened in/), expect.stringContaining('reused, for its request number 2'), expect.stringContaining('request number 3')])
  await alone.stop()
})

test('a connection over the limit is refused with 503', async () => {
  const alone = await startHeard(clientService, GATEWAY_SETTINGS, GATEWAY_SECRETS)
  const browser = await Promise.all(Array.from({ length: 512 }, async () => {
    const socket = connect(proxyPort(alone), '127.0.0.1')
    await once(socket, 'connect')
    return socket
  }))
  expect(await textOf(connect(proxyPort(alone), '127.0.0.1').end())).toMatch(/^HTTP\/1\.1 503 [^]*<\/html>/)
  for (const socket of browser) socket.destroy()
  await alone.stop()
})

test('the table keeps the last 200 requests', async () => {
  const alone = await startHeard(clientService, GATEWAY_SETTINGS, GATEWAY_SECRETS)
  for (let count = 1; count <= 203; count++) await visit(alone, `${origin}/${count}`)
  expect([alone.rows.size, alone.rows.has('3'), alone.rows.get('203')?.url]).toEqual([200, false, `${origin}/203`])
  await alone.stop()
})

test('after stop nothing listens, and requests in progress are aborted', async () => {
  const alone = await startHeard(clientService, GATEWAY_SETTINGS, GATEWAY_SECRETS)
  const port = proxyPort(alone)
  answer = () => void alone.stop()
  await expect(visit(alone, `${origin}/`)).rejects.toThrow()
  const [error] = await once(connect(port, '127.0.0.1'), 'error') as [NodeJS.ErrnoException]
  expect(error.code).toBe('ECONNREFUSED')
})
