import { mkdir, mkdtemp, readdir, readlink, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { secureRandom } from '../kit/node/random.ts'
import { systemClock } from '../kit/node/clock.ts'
import { TraceRing } from '../kit/trace.ts'
import { RudpDialer } from '../rudp/dialer.ts'
import { serve, Servers, TRANSPORTS, untilClosed } from './testing/servers.ts'

describe.each(TRANSPORTS)('over $transport', given => {
  const { transport } = given
  const servers = new Servers(given)
  beforeAll(() => servers.open())
  afterAll(() => servers.close())
  afterEach(() => servers.stop())

  test('each page is served and says which transport carried it', async () => {
    const { peer, heard } = await servers.start()
    for (const path of ['/', '/watch', '/guestbook', '/about']) {
      const { status, headers, body } = await servers.ask(peer, path)
      expect(status).toBe(200)
      expect(headers['content-type']).toBe('text/html; charset=utf-8')
      expect(body.toString()).toContain(`<span id="transport">${transport.toUpperCase()}</span>`)
    }
    expect((await servers.ask(peer, '/')).body.toString()).toContain('Welcome to my-app.home')
    expect(heard.events[0]).toMatchObject({ name: 'request', data: { transport, method: 'GET', target: '/', status: 200 } })
    await expect.poll(() => heard.logged.filter(line => line.startsWith(transport))).toHaveLength(5)
  })

  test('the contract lines report the actual ports', async () => {
    const { heard, service } = await servers.start()
    const portOf = (name: string) => service.endpoints.find(found => found.name === name)?.port ?? 0
    expect(portOf('http')).toBeGreaterThan(0)
    expect(heard.lines).toEqual([`[server] listening on 127.0.0.1:${portOf('http')}`, `[server] RUDP listening on 127.0.0.1:${portOf('rudp')}`])
    expect(service.pinned).toEqual({ tcp_port: portOf('http'), udp_port: portOf('rudp') })
  })

  test('scripts, styles and media are served with their types, and nothing else is', async () => {
    const { peer } = await servers.start()
    for (const [path, type] of [['/js/site.js', 'text/javascript; charset=utf-8'], ['/css/site.css', 'text/css; charset=utf-8'], ['/media/icon.svg', 'image/svg+xml'], ['/media/village-at-dusk.webm', 'video/webm']] as const) {
      const { status, headers, body } = await servers.ask(peer, path)
      expect([path, status, headers['content-type'], headers['content-length']]).toEqual([path, 200, type, String(body.length)])
      expect(body.length).toBeGreaterThan(100)
    }
    for (const path of ['/js/../css/site.css', '/js/%2e%2e/css/site.css', '/js/..%2fcss%2fsite.css', '/media/', '/media', '/nobody', '/js/site.js/']) {
      expect([path, (await servers.ask(peer, path)).status]).toEqual([path, 404])
    }
  })

  test('a range of the film has the same bytes as the whole', async () => {
    const { peer } = await servers.start()
    const whole = await servers.ask(peer, '/media/village-at-dusk.webm')
    const part = await servers.ask(peer, '/media/village-at-dusk.webm', { headers: { range: 'bytes=90000-90999', 'if-range': whole.headers.etag ?? '' } })
    expect(part.status).toBe(206)
    expect(part.headers['content-range']).toBe(`bytes 90000-90999/${whole.body.length}`)
    expect(part.body.equals(whole.body.subarray(90_000, 91_000))).toBe(true)
    const rest = await servers.ask(peer, '/media/village-at-dusk.webm', { headers: { range: `bytes=${whole.body.length - 10}-` } })
    expect(rest.body.equals(whole.body.subarray(-10))).toBe(true)
    const beyond = await servers.ask(peer, '/media/village-at-dusk.webm', { headers: { range: `bytes=${whole.body.length}-` } })
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, `bytes */${whole.body.length}`])
    const other = await servers.ask(peer, '/media/village-at-dusk.webm', { headers: { range: 'bytes=0-9', 'if-range': '"another"' } })
    expect([other.status, other.body.length]).toEqual([200, whole.body.length])
  })

  test('/bytes sends as many bytes as requested, up to a limit', async () => {
    const { peer } = await servers.start()
    for (const lengthBytes of [0, 1, 3_000_000]) expect((await servers.ask(peer, `/bytes/${lengthBytes}`)).body.length).toBe(lengthBytes)
    const head = await servers.ask(peer, '/bytes/100000000', { method: 'HEAD' })
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '100000000', 0])
    for (const path of ['/bytes/100000001', '/bytes/', '/bytes/-1', '/bytes/1e3', '/bytes/1/2']) expect([path, (await servers.ask(peer, path)).status]).toEqual([path, 404])
  })

  test('what the browser has cached is not sent again', async () => {
    const { peer } = await servers.start()
    const { headers } = await servers.ask(peer, '/css/site.css')
    const again = await servers.ask(peer, '/css/site.css', { headers: { 'if-none-match': headers.etag ?? '' } })
    expect([again.status, again.headers.etag, again.body.length]).toEqual([304, headers.etag, 0])
    expect((await servers.ask(peer, '/css/site.css', { headers: { 'if-modified-since': headers['last-modified'] ?? '' } })).status).toBe(304)
  })

  test('on a generated page, conditions hold unless they name a version', async () => {
    const { peer } = await servers.start()
    const status = async (path: string, headers: Readonly<Record<string, string>>, method = 'GET') => (await servers.ask(peer, path, { method, headers })).status
    for (const path of ['/', '/guestbook/entries.json', '/bytes/3000000']) {
      expect([await status(path, { 'if-match': '*' }), await status(path, { 'if-match': '"x"' }, 'HEAD'), await status(path, { 'if-match': '"x"' })]).toEqual([200, 412, 412])
      expect([await status(path, { 'if-none-match': '*' }), await status(path, { 'if-none-match': '"x"' })]).toEqual([304, 200])
    }
    const { headers } = await servers.ask(peer, '/css/site.css')
    expect([await status('/css/site.css', { 'if-match': headers.etag ?? '' }), await status('/css/site.css', { 'if-match': '"x"' })]).toEqual([200, 412])
    for (const conditions of [{ 'if-match': '"x"' }, { 'if-none-match': '*' }]) {
      expect(await status('/nobody', conditions)).toBe(404)
      expect(await status('/', conditions, 'OPTIONS')).toBe(204)
      expect((await servers.sign(peer, { name: 'Ada', message: 'hello' }, { ...conditions, origin: 'http://evil.example.org' })).status).toBe(403)
      expect((await servers.sign(peer, { name: 'Ada', message: 'hello' }, conditions)).status).toBe(412)
    }
    expect((await servers.sign(peer, { name: 'Ada', message: 'hello' }, { 'if-match': '*', 'if-none-match': '"x"' })).status).toBe(303)
    expect(JSON.parse((await servers.ask(peer, '/guestbook/entries.json')).body.toString()).entries).toHaveLength(1)
  })

  test('a file dated in the future is served as modified now', async () => {
    const site = await mkdtemp(join(servers.folder, 'site-'))
    await writeFile(join(site, 'page'), 'x')
    const tomorrow = new Date(Date.now() + 86_400_000)
    await utimes(join(site, 'page'), tomorrow, tomorrow)
    const { peer } = await servers.start({ site })
    const { headers } = await servers.ask(peer, '/page')
    expect(Date.parse(headers['last-modified'] ?? '')).toBeLessThanOrEqual(Date.parse(headers.date ?? ''))
  })

  test('HEAD returns the head of GET without a body; other methods get the list of allowed ones', async () => {
    const { peer } = await servers.start()
    const { headers } = await servers.ask(peer, '/css/site.css')
    const head = await servers.ask(peer, '/css/site.css', { method: 'HEAD', headers: { range: 'bytes=0-9' } })
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, headers['content-length'], 0])
    const refused = await servers.ask(peer, '/watch', { method: 'DELETE' })
    expect([refused.status, refused.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS'])
    expect((await servers.ask(peer, '/guestbook', { method: 'OPTIONS' })).headers.allow).toBe('GET, HEAD, POST, OPTIONS')
  })

  test('one connection carries many requests, pipelined too', async () => {
    const { peer, heard } = await servers.start()
    const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: my-app.home\r\n${more}\r\n`
    const replies = await servers.sendRaw(peer, get('/') + get('/js/site.js') + get('/about/request.json', 'Connection: close\r\n'))
    expect(replies.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3)
    expect(replies).toContain('"requestNumber":3')
    expect([...heard.rows.values()]).toEqual([expect.objectContaining({ transport: transport.toUpperCase(), requests: '3' })])
  })

  test('a client that half-closes after its request still gets the response, however long', async () => {
    const site = await mkdtemp(join(servers.folder, 'site-'))
    for (const lengthBytes of [10, 3_000_000]) await writeFile(join(site, String(lengthBytes)), Buffer.alloc(lengthBytes))
    const { peer } = await servers.start({ site })
    for (const lengthBytes of [10, 3_000_000]) {
      const socket = await servers.dial(peer)
      const heard = untilClosed(socket)
      socket.end(`GET /${lengthBytes} HTTP/1.1\r\nHost: my-app.home\r\n\r\n`)
      const [head = ''] = (await heard).split('\r\n\r\n', 1)
      expect([head.slice(0, 15), (await heard).length - head.length - 4]).toEqual(['HTTP/1.1 200 OK', lengthBytes])
    }
  })

  test('the log says whether each response arrived, and when its last byte did', async () => {
    const { peer, heard } = await servers.start({ link: 'delay=100ms' })
    const logged = (ending: RegExp) => expect.poll(() => heard.logged.filter(line => line.startsWith(transport)).join('\n')).toMatch(ending)
    await servers.sendRaw(peer, 'GET /bytes/10 HTTP/1.1\r\nHost: my-app.home\r\nConnection: close\r\n\r\n')
    await logged(/ GET \/bytes\/10 200 10 B [\d.]+ ms$/)
    // The acknowledgment arrives a round trip after the last byte was sent.
    expect(heard.events.at(-1)?.data).toMatchObject({ complete: true, ...(transport === 'rudp' && { tookMs: expect.toSatisfy((tookMs: number) => tookMs >= 100) }) })
    const socket = await servers.dial(peer)
    socket.on('error', () => undefined)
    socket.write('GET /bytes/50000000 HTTP/1.1\r\nHost: my-app.home\r\nConnection: close\r\n\r\n')
    await once(socket, 'data')
    socket.destroy()
    await logged(/ GET \/bytes\/50000000 200 \d+ B [\d.]+ ms, incomplete$/)
    expect(heard.events.at(-1)?.data).toMatchObject({ complete: false })
  })

  test('an entry appears on the page and as JSON, its text escaped, and survives a restart', async () => {
    const dataFolder = await mkdtemp(join(servers.folder, 'data-'))
    const first = await serve({}, dataFolder)
    const signed = await servers.sign(servers.endpointOf(first.service), { name: 'Ada <b>', message: 'Grüße & "hello"\r\nfrom <script>alert(1)</script>' })
    expect([signed.status, signed.headers.location]).toEqual([303, '/guestbook#entry-1'])
    await first.service.stop()

    const { peer } = await servers.start({}, {}, dataFolder)
    const page = (await servers.ask(peer, '/guestbook')).body.toString()
    expect(page).toContain('Ada &#60;b&#62;')
    expect(page).toContain('Grüße &#38; &#34;hello&#34;\nfrom &#60;script&#62;alert(1)&#60;/script&#62;')
    expect(page).not.toContain('<script>alert')
    const json = await servers.ask(peer, '/guestbook/entries.json')
    expect(JSON.parse(json.body.toString())).toEqual({ entries: [expect.objectContaining({ id: 1, name: 'Ada <b>' })] })
  })

  test('a script that signs gets JSON; an invalid entry is explained in sentences and not added', async () => {
    const { peer } = await servers.start()
    const json = { accept: 'application/json' }
    const good = await servers.sign(peer, { name: 'Ada', message: 'hello' }, json)
    expect([good.status, JSON.parse(good.body.toString())]).toEqual([201, { entry: expect.objectContaining({ id: 1, message: 'hello' }) }])
    const bad = await servers.sign(peer, { name: '', message: 'hello' }, json)
    expect([bad.status, JSON.parse(bad.body.toString())]).toEqual([422, { faults: { name: 'Please write a name.' } }])
    const page = await servers.sign(peer, { name: '"><i>', message: '' })
    expect(page.status).toBe(422)
    expect(page.body.toString()).toContain('value="&#34;&#62;&#60;i&#62;"')
    expect((await servers.ask(peer, '/guestbook', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })).status).toBe(415)
    expect((await servers.sign(peer, { name: 'Eve', message: 'x' }, { origin: 'http://evil.example.org' })).status).toBe(403)
    expect((await servers.sign(peer, { name: 'Eve', message: 'x' }, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await servers.sign(peer, { name: 'Bob', message: 'same' }, { origin: 'http://my-app.home' })).status).toBe(303)
    expect(JSON.parse((await servers.ask(peer, '/guestbook/entries.json')).body.toString()).entries).toHaveLength(2)
  })

  test('the user\'s own folder is served by file name, and nothing outside it', async () => {
    const site = await mkdtemp(join(servers.folder, 'site-'))
    await mkdir(join(site, 'sub folder'))
    await mkdir(join(site, '.git'))
    await mkdir(join(site, 'odd/index.html'), { recursive: true })
    await writeFile(join(servers.folder, 'secret.txt'), 'secret')
    await symlink(join(servers.folder, 'secret.txt'), join(site, 'leak.txt'))
    await symlink(servers.folder, join(site, 'up'))
    await symlink(join(site, '.git', 'config'), join(site, 'config.txt'))
    const files = { 'index.html': '<p>mine', 'fünke.txt': 'Tobias', 'with space.txt': 'room', '100%.txt': 'all', 'empty.txt': '', 'sub folder/index.html': '<p>sub', '.git/config': 'hidden', '.env': 'hidden' }
    for (const [name, text] of Object.entries(files)) await writeFile(join(site, name), text)
    const { peer } = await servers.start({ site })
    const got = async (path: string) => {
      const { status, body } = await servers.ask(peer, path)
      return [status, body.toString()]
    }
    expect(await got('/')).toEqual([200, '<p>mine'])
    expect(await got('/f%C3%BCnke.txt')).toEqual([200, 'Tobias'])
    expect(await got('/with%20space.txt')).toEqual([200, 'room'])
    expect(await got('/100%25.txt')).toEqual([200, 'all'])
    expect(await got('/empty.txt')).toEqual([200, ''])
    expect(await got('/sub%20folder/')).toEqual([200, '<p>sub'])
    for (const query of ['', '?', '?a=b', '?v2', '?q=%ff', '?a%20b+c&&d']) {
      const redirect = await servers.ask(peer, `/sub%20folder${query}`)
      expect([redirect.status, redirect.headers.location]).toEqual([301, `/sub%20folder/${query}`])
    }
    for (const path of [
      '/odd/', '/.env', '/.git/config', '/config.txt', '/leak.txt', '/up/secret.txt', '/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/..%5csecret.txt', '/%2e%2e%2f%2e%2e%2fetc/passwd',
      '/index.html%00.txt', '/index.html::$DATA', '/index.html.', '/CON', '//index.html', '/index.html/', '/nobody', '/guestbook',
    ]) expect([path, (await servers.ask(peer, path)).status]).toEqual([path, 404])
    expect((await servers.ask(peer, '/', { method: 'POST', body: 'x' })).status).toBe(405)
  })

  test('100 Continue for a pipelined request is not written into the response before it', async () => {
    const { peer } = await servers.start()
    const replies = await servers.sendRaw(peer, [
      'GET /bytes/3000000 HTTP/1.1\r\nHost: my-app.home\r\n\r\n',
      'POST /nobody HTTP/1.1\r\nHost: my-app.home\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody',
    ].join(''))
    expect(replies.slice(replies.indexOf('HTTP/1.1 404'))).toMatch(/^HTTP\/1\.1 404 (?:.+\r\n)+\r\n<!doctype html>/)
  })

  test('a read pipelined after an entry shows it, however many arrive in one packet', async () => {
    const { peer } = await servers.start()
    const body = 'name=Ada&message=hello'
    const sign = `POST /guestbook HTTP/1.1\r\nHost: my-app.home\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const read = (more = '') => `GET /guestbook/entries.json HTTP/1.1\r\nHost: my-app.home\r\n${more}\r\n`
    const replies = await servers.sendRaw(peer, (read() + sign).repeat(150) + read('Connection: close\r\n'))
    const entries = [...replies.matchAll(/^\{"entries":(.*)\}/gm)].map(([, list = '']) => JSON.parse(list).length)
    expect(entries).toEqual(Array.from({ length: 151 }, (_, signed) => signed))
    const followed = await servers.sendRaw(peer, `${sign + read() + sign + read()}no request at all\r\n\r\n`)
    expect(followed.match(/(?<=HTTP\/1\.1 )\d+/g)).toEqual(['303', '200', '303', '200'])
  })

  test('pipelined films arrive complete, and each file is opened only when it is its turn', async () => {
    const site = await mkdtemp(join(servers.folder, 'site-'))
    const film = join(site, 'film.webm')
    await writeFile(film, '')
    await truncate(film, 30_000_000)
    const { peer } = await servers.start({ site })
    const get = (more = '') => `GET /film.webm HTTP/1.1\r\nHost: my-app.home\r\n${more}\r\n`
    const reader = await servers.dial(peer)
    reader.write(get().repeat(8))
    await once(reader, 'data')
    reader.pause() // in the first film: more is left than fits in flight
    const replies = await servers.sendRaw(peer, get() + get() + get('Connection: close\r\n'))
    expect(replies.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3)
    expect(replies.length).toBeGreaterThan(3 * 30_000_000)
    const open = async () => {
      const links = await Promise.all((await readdir('/proc/self/fd')).map(number => readlink(`/proc/self/fd/${number}`).catch(() => '')))
      return links.filter(path => path === film).length
    }
    expect(await open()).toBe(1)
    reader.destroy()
    await expect.poll(open).toBe(0)
  })

  test('a film of some megabytes arrives complete, and a client that leaves halfway disturbs no other', async () => {
    const site = await mkdtemp(join(servers.folder, 'site-'))
    const film = Buffer.alloc(3_000_001, Uint8Array.from({ length: 251 }, (_, index) => index))
    await writeFile(join(site, 'film.webm'), film)
    const { peer } = await servers.start({ site })
    const leaver = await servers.dial(peer)
    leaver.write('GET /film.webm HTTP/1.1\r\nHost: my-app.home\r\n\r\n')
    await once(leaver, 'data')
    leaver.destroy()
    expect((await servers.ask(peer, '/film.webm')).body.equals(film)).toBe(true)
  })
})
test.each([['a folder that is missing', 'nowhere'], ['a file', 'file.txt']])('%s as --site: the server does not start and says why', async (_, name) => {
  const folder = await mkdtemp(join(tmpdir(), 'hamlet-site-'))
  await writeFile(join(folder, 'file.txt'), 'x')
  await expect(serve({ site: join(folder, name) }, folder)).rejects.toMatchObject({ code: 'site-missing' })
  await rm(folder, { recursive: true })
})

test('early data of a returning client over RUDP may read, but not change anything', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hamlet-early-'))
  const { service } = await serve({}, folder, {})
  const rudp = service.endpoints.find(({ name }) => name === 'rudp') ?? { address: '', port: 0 }
  const dialer = new RudpDialer({ clock: systemClock, random: secureRandom(), trace: new TraceRing(16_384), keepMs: 0 })
  const visit = async (request: string) => {
    const socket = await dialer.dial(rudp, { early: true })
    socket.end(request)
    let text = ''
    for await (const piece of socket) text += String(piece)
    socket.destroy()
    return text.split('\r\n')[0]
  }
  const get = 'GET / HTTP/1.1\r\nHost: my-app.home\r\nConnection: close\r\n\r\n'
  const post = 'POST /guestbook HTTP/1.1\r\nHost: my-app.home\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
  try {
    expect(await visit(get)).toBe('HTTP/1.1 200 OK')
    // While a connection is still open, the next one is not a return visit.
    await expect.poll(() => visit(post)).toBe('HTTP/1.1 425 Too Early')
  } finally {
    await dialer.close()
    await service.stop()
    await rm(folder, { recursive: true })
  }
})

test('a taken TCP port: the server does not start and releases the guestbook', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hamlet-site-'))
  const other = await mkdtemp(join(tmpdir(), 'hamlet-site-'))
  const { service } = await serve({}, other)
  const taken = service.endpoints.find(({ name }) => name === 'http')?.port
  await expect(serve({ tcp_port: taken }, folder)).rejects.toMatchObject({ code: 'port-taken' })
  await (await serve({}, folder)).service.stop()
  await service.stop()
  await Promise.all([folder, other].map(path => rm(path, { recursive: true })))
})

test('probes of this machine\'s lamps stay out of log and table; the log marks those of other machines', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hamlet-site-'))
  const { service, heard } = await serve({}, folder)
  const { address, port } = service.endpoints.find(({ name }) => name === 'http') ?? expect.unreachable('it listens')
  const ask = async (localAddress: string): Promise<void> => {
    const outgoing = request({ host: address, port, localAddress, agent: false, headers: { host: 'my-app.home', 'x-hamlet-probe': '1' } }).end()
    const [incoming] = await once(outgoing, 'response')
    await once(incoming.resume(), 'close')
  }
  await ask('127.0.0.1')
  await ask('127.0.0.2')
  await expect.poll(() => [...heard.rows.values()].map(({ state }) => state)).toEqual(['closed'])
  expect([...heard.rows.values()][0]?.peer).toMatch(/^127\.0\.0\.2:/)
  expect(heard.events.filter(({ name }) => name === 'request')).toMatchObject([{ data: { peer: expect.stringMatching(/^127\.0\.0\.2:/) } }])
  expect(heard.logged.filter(line => line.startsWith('tcp '))).toEqual([expect.stringMatching(/^tcp 127\.0\.0\.2:\d+ GET \/ 200 .* ms, lamp probe$/)])
  await service.stop()
  await rm(folder, { recursive: true })
})
