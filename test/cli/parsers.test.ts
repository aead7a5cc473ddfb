import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { emptyFolder, RunningHamlet, type Where } from '../support/hamlet.ts'

const ELECTRON = join(import.meta.dirname, '..', '..', 'node_modules', 'electron', 'dist', 'electron')

/** The HTTP parsers of the runtimes differ in what they accept. */
const RUNTIMES: readonly { name: string; where: Where }[] = [
  { name: 'the Node of this project', where: {} },
  { name: 'Electron as Node', where: { runtime: [ELECTRON], environment: { ELECTRON_RUN_AS_NODE: '1' } } },
]

const running: RunningHamlet[] = []
afterEach(async () => { for (const hamlet of running.splice(0)) await hamlet.stop() })

function start(where: Where, ...args: string[]): RunningHamlet {
  const hamlet = new RunningHamlet([...args, '--data', emptyFolder()], where)
  running.push(hamlet)
  return hamlet
}

/** The statuses that come back for raw bytes, after which the client ends its half. */
async function statusesOf(port: string, bytes: string): Promise<string[]> {
  const socket = connect(Number(port), '127.0.0.1').end(bytes)
  let heard = ''
  socket.on('data', (chunk: Buffer) => { heard += chunk.toString('latin1') })
  await once(socket, 'close')
  return [...heard.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(match => match[1] ?? '')
}

test.each(RUNTIMES)('with $name, server and client refuse an invalid field name, and do not read the valid request after it', async ({ where }) => {
  const server = start(where, 'server', '--tcp_port', '0', '--udp_port', '0')
  const client = start(where, 'client', '--dns', '127.0.0.1:9', '--dhcp', '127.0.0.1:9')
  const [, port = ''] = await server.line(/^\[server\] listening on 127\.0\.0\.1:(\d+)$/)
  const [, credentials = '', proxyPort = ''] = await client.line(/http:\/\/(.+)@127\.0\.0\.1:(\d+)$/)
  const authorization = `Proxy-Authorization: Basic ${Buffer.from(credentials).toString('base64')}\r\n`
  for (const field of ['X : a', 'X Y: a', ': a']) {
    const behind = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
    expect([field, await statusesOf(port, `GET / HTTP/1.1\r\nHost: a\r\n${field}\r\n\r\n${behind}`)]).toEqual([field, ['400']])
    expect([field, await statusesOf(proxyPort, `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: a\r\n${authorization}${field}\r\n\r\n${behind}`)]).toEqual([field, ['400']])
  }
  expect(await statusesOf(proxyPort, `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: a\r\n${authorization}\r\n`)).toEqual(['200'])
})

test.each(RUNTIMES)('with $name, a request after one with an Upgrade is not answered in its place', async ({ where }) => {
  const server = start(where, 'server', '--tcp_port', '0', '--udp_port', '0')
  const [, port = ''] = await server.line(/^\[server\] listening on 127\.0\.0\.1:(\d+)$/)
  const upgrade = 'GET /watch HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'
  expect(await statusesOf(port, `${upgrade}GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n`)).toEqual(['200'])
})
