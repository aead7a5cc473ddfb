// Encrypted RUDP over real sockets: how clients recognize servers by name and key.
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Endpoint } from '../kit/endpoint.ts'
import { oneLine } from '../kit/errors.ts'
import { TraceRing } from '../kit/trace.ts'
import { systemClock } from '../kit/node/clock.ts'
import { secureRandom } from '../kit/node/random.ts'
import { freePort } from '../kit/node/testing/free-port.ts'
import { RudpDialer, type DialOptions } from './dialer.ts'
import { KNOWN_SERVERS_FILE, KnownServers } from './known-servers.ts'
import { listenRudp, type AcceptedEncryption, type RudpListener } from './listener.ts'
import type { RudpSocket } from './socket.ts'

const around = () => ({ clock: systemClock, random: secureRandom(), trace: new TraceRing() })
const closers: (() => Promise<unknown>)[] = []
let folder = ''
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'hamlet-encryption-')) })
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  await rm(folder, { recursive: true })
})

const known = () => readFile(join(folder, KNOWN_SERVERS_FILE), 'utf8').catch(() => '')
const secretOf = (value: number) => new Uint8Array(32).fill(value)

/** A server that echoes what it receives. */
async function listen(encryption: AcceptedEncryption | undefined, port = 0): Promise<{ listener: RudpListener; peer: Endpoint }> {
  const listener = await listenRudp({ addresses: ['127.0.0.1'], port, encryption, accept: socket => { socket.on('error', () => undefined).pipe(socket) }, ...around() })
  closers.push(() => listener.close())
  return { listener, peer: listener.locals[0] ?? expect.unreachable('a socket is bound') }
}

function dialer(encrypts = true): RudpDialer {
  const made = new RudpDialer({ ...around(), encryption: encrypts ? new KnownServers(folder, () => undefined) : undefined })
  closers.push(() => made.close())
  return made
}

/** Sends a few words. @returns the answer */
async function say(from: RudpDialer, peer: Endpoint, options?: DialOptions): Promise<string> {
  const socket = await from.dial(peer, options)
  socket.end('to be')
  const pieces: Buffer[] = []
  for await (const piece of socket) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces).toString()
}

const refusal = (dial: Promise<unknown>) => dial.then(() => 'it was accepted', oneLine)

test('a server is remembered by name with the key that it printed, and recognized again', async () => {
  const { listener, peer } = await listen({ identitySecret: secretOf(1), acceptsPlain: false })
  const first = dialer()
  expect(await say(first, peer, { name: 'my-app.home' })).toBe('to be')
  await first.close()
  expect(await known()).toBe(`my-app.home x25519 ${listener.identity}\n`)
  const again = dialer()
  expect(await say(again, peer, { name: 'my-app.home' })).toBe('to be')
  expect(await say(again, peer, { name: 'my-app.home', early: true })).toBe('to be')
  expect(await known()).toBe(`my-app.home x25519 ${listener.identity}\n`)
})

test('a server with another key is refused in one line, until the user removes the old key', async () => {
  const { listener, peer } = await listen({ identitySecret: secretOf(1), acceptsPlain: true }, await freePort())
  const visitor = dialer()
  await say(visitor, peer, { name: 'my-app.home' })
  await expect.poll(known).not.toBe('')
  await listener.close()
  const other = await listen({ identitySecret: secretOf(2), acceptsPlain: true }, peer.port)
  for (const from of [dialer(), visitor]) expect(await refusal(say(from, peer, { name: 'my-app.home', early: true }))).toBe(
    'my-app.home presented a different key than before: it was set up again, or someone is intercepting the connection. Nothing was sent to it. '
    + `Compare the key with the one that the server prints; if they match, remove the line for my-app.home from ${join(folder, KNOWN_SERVERS_FILE)}. [known ${listener.identity}, presented ${other.listener.identity}]`)
  await writeFile(join(folder, KNOWN_SERVERS_FILE), '')
  expect(await say(dialer(), peer, { name: 'my-app.home' })).toBe('to be')
})

test('two names at one address are two servers to an encrypting client', async () => {
  const { peer } = await listen({ identitySecret: secretOf(1), acceptsPlain: false })
  await writeFile(join(folder, KNOWN_SERVERS_FILE), `their.home x25519 ${Buffer.from(secretOf(9)).toString('base64')}\n`)
  const from = dialer()
  expect(await say(from, peer, { name: 'our.home' })).toBe('to be')
  expect(await refusal(say(from, peer, { name: 'their.home' }))).toContain('their.home presented a different key')
})

test('a client and server whose settings do not match report which flag would help', async () => {
  const plain = await listen(undefined)
  const encrypted = await listen({ identitySecret: secretOf(1), acceptsPlain: false })
  expect(await refusal(say(dialer(true), plain.peer))).toContain('it does not offer encryption. Start it with --encryption offered')
  expect(await refusal(say(dialer(false), encrypted.peer))).toContain('it accepts encrypted connections only. Connect with --encrypt')
})

test('unencrypted and encrypted clients are served side by side if both are accepted', async () => {
  const { peer } = await listen({ identitySecret: secretOf(1), acceptsPlain: true })
  expect(await Promise.all([say(dialer(true), peer), say(dialer(false), peer)])).toEqual(['to be', 'to be'])
})

test('megabytes go both ways as over an unencrypted connection', async () => {
  const server = createServer((incoming, outgoing) => { incoming.pipe(outgoing) })
  const listener = await listenRudp({ addresses: ['127.0.0.1'], port: 0, encryption: { identitySecret: secretOf(1), acceptsPlain: false }, accept: socket => { server.emit('connection', socket) }, ...around() })
  closers.push(() => listener.close())
  const socket: RudpSocket = await dialer().dial(listener.locals[0] ?? expect.unreachable('a socket is bound'))
  const body = Buffer.from(Uint32Array.from({ length: 1_250_000 }, (_, index) => Math.imul(index + 1, 2654435761)).buffer)
  const outgoing = request({ method: 'POST', path: '/', createConnection: () => socket })
  outgoing.end(body)
  const [response] = await once(outgoing, 'response') as [AsyncIterable<Buffer>]
  const pieces: Buffer[] = []
  for await (const piece of response) pieces.push(piece)
  expect(Buffer.concat(pieces).equals(body)).toBe(true)
})
