// An encrypted connection behaves like an unencrypted one, and reveals nothing of what it carries.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../../../kit/random.ts'
import { nodeCryptography } from '../../node-cryptography.ts'
import { encrypted, IDENTITY } from '../../testing/encryption.ts'
import { bytesOf, MB, same, transfer } from '../../testing/transfer.ts'
import { TOKENLESS_HELLO_BYTES, decodeEncryptedPacket, type EncryptedPacket } from '../../wire/encrypted-packet.ts'
import { AcceptorEncryption } from './acceptor-encryption.ts'
import { CONGESTION_NAMES } from '../congestion/congestion.ts'
import type { Connection } from '../connection.ts'
import type { Cipher, Cryptography } from './cryptography.ts'
import { Pair, type PairOptions, type SideName } from '../../testing/pair.ts'
import { withKeyLog } from './key-log.ts'
import { deriveProtection } from './packet-protection.ts'

const NOTHING = new Uint8Array(0)
const HOUR_MS = 3_600_000

/** A pair that records every packet put on the link. */
function watched(options: PairOptions) {
  const packets: { from: SideName; packet: EncryptedPacket; bytes: Uint8Array; atMs: number }[] = []
  const pair = new Pair({ ...options, tap(from, bytes, atMs) { packets.push({ from, packet: decodeEncryptedPacket(bytes.slice()), bytes: bytes.slice(), atMs }) } })
  return { pair, packets }
}

function visitOf(pair: Pair) {
  return pair.client.events.flatMap(event => event.kind === 'token' ? [event] : []).at(-1)
}

const bound = (cipher: Cipher): Cipher => ({ seal: cipher.seal.bind(cipher), open: cipher.open.bind(cipher) })

/** The client writes on a new stream; the server reads what arrives in time. */
function carries(pair: Pair, client: Connection, withinMs: number, seed = 1): boolean {
  const before = pair.server.events.length
  const stream = client.openStream()
  stream?.write(bytesOf(3000, seed))
  pair.drain()
  pair.wait(withinMs)
  const [theirs] = pair.server.events.slice(before).flatMap(event => event.kind === 'stream' ? [event.stream] : [])
  return theirs !== undefined && same(theirs.read(5000), bytesOf(3000, seed))
}

test('the handshake takes no longer than an unencrypted one, and its RETRY is no longer than the HELLO', () => {
  const { pair, packets } = watched({ seed: 1, link: { delayMs: 10 }, encryption: encrypted() })
  const { client, server } = pair.connected()
  pair.wait(100)
  expect(packets.slice(0, 4).map(({ packet, atMs }) => [packet.type, atMs])).toEqual([['HELLO', 0], ['RETRY', 10], ['HELLO', 20], ['WELCOME', 30]])
  expect(packets[0]?.bytes.length).toBe(TOKENLESS_HELLO_BYTES)
  expect(packets[1]?.bytes.length).toBeLessThanOrEqual(TOKENLESS_HELLO_BYTES)
  expect([client.localId, client.remoteId, client.metrics().rttMs]).toEqual([server.remoteId, server.localId, 20])
  expect(pair.client.events.flatMap(event => event.kind === 'identified' ? [[...event.identity]] : [])).toEqual([[...IDENTITY]])
})

test('both ends log the same lines: what HELLO shows, and keys that decrypt packets', () => {
  const lines = { client: [] as string[], server: [] as string[] }
  const { client, server, trusts } = encrypted()
  const logged = (side: SideName) => withKeyLog(nodeCryptography, line => lines[side].push(line))
  const { pair, packets } = watched({ seed: 3, link: { delayMs: 5 }, encryption: { trusts, client: { ...client, cryptography: logged('client') }, server: { ...server, cryptography: logged('server') } } })
  pair.connected()
  expect(lines.client).toHaveLength(1)
  expect(lines.server).toEqual(lines.client)
  const [version, info = '', keys = ''] = lines.client[0]?.split(' ') ?? []
  const hello = packets.map(({ packet }) => packet).find(packet => packet.type === 'HELLO' && packet.token.length > 0)
  const welcome = packets.find(({ packet }) => packet.type === 'WELCOME')
  if (hello?.type !== 'HELLO' || welcome?.packet.type !== 'WELCOME') return expect.unreachable('both were sent')
  expect(version).toBe('48520102')
  expect(info.slice(16, 80)).toBe(Buffer.from(hello.share).toString('hex'))
  expect(info.slice(216)).toBe(Buffer.from(hello.token).toString('hex'))
  const [key, nonce] = [Buffer.from(keys.slice(56, 88), 'hex'), Buffer.from(keys.slice(88), 'hex')]
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ welcome.packet.number) >>> 0, 8)
  expect(nodeCryptography.cipher(key).open(nonce, welcome.bytes, 9, welcome.packet.contentAt)).toBeDefined()
})

test('the datagrams contain none of the bytes that they carry in the clear', () => {
  const datagrams: Uint8Array[] = []
  const secret = new TextEncoder().encode('the king is not to be told before the play has begun')
  const upload = Uint8Array.from({ length: 20_000 }, (_, at) => secret[at % secret.length] ?? 0)
  const { pair, isComplete, arrivedAt } = transfer({ seed: 2, link: { delayMs: 5, loss: 0.1 }, encryption: encrypted(), tap: (_from, bytes) => { datagrams.push(bytes.slice()) } }, upload, upload)
  expect(pair.run(isComplete, 10_000)).toBe(true)
  expect(same(arrivedAt('client'), upload)).toBe(true)
  const piece = Buffer.from(secret.subarray(0, 12))
  expect(datagrams.filter(bytes => Buffer.from(bytes).includes(piece))).toEqual([])
})

test('bytes arrive once and in order in both directions, whatever the link does', () => {
  const links = fc.record({
    delayMs: fc.nat(80), jitterMs: fc.nat(30), loss: fc.double({ min: 0, max: 0.4, noNaN: true }), corruption: fc.double({ min: 0, max: 0.1, noNaN: true }),
    duplication: fc.double({ min: 0, max: 0.3, noNaN: true }), reordering: fc.double({ min: 0, max: 0.5, noNaN: true }), reorderMs: fc.nat(100),
  })
  fc.assert(fc.property(fc.nat(), links, fc.nat(30_000), fc.nat(30_000), fc.constantFrom(...CONGESTION_NAMES), (seed, link, up, down, congestion) => {
    const [upload, download] = [bytesOf(up, seed + 1), bytesOf(down, seed + 2)]
    const limits = { connectTimeoutMs: 600_000, idleTimeoutMs: 600_000 }
    const { pair, arrivedAt, isComplete } = transfer({ seed, link, limits, congestion, encryption: encrypted() }, upload, download)
    expect(pair.run(isComplete, 60_000)).toBe(true)
    expect(same(arrivedAt('server'), upload)).toBe(true)
    expect(same(arrivedAt('client'), download)).toBe(true)
    expect(pair.run(() => pair.client.endpoint.connectionCount + pair.server.endpoint.connectionCount === 0, 60_000)).toBe(true)
  }), { numRuns: 1000, endOnFailure: true })
}, 120_000)

test('datagrams grow as long as unencrypted ones, and leave in trains of one size', () => {
  const sizes: number[] = []
  const { pair, isComplete } = transfer({
    seed: 4, link: { delayMs: 10, rateBitsPerSecond: 100e6, queueBytes: 1e6 }, encryption: encrypted(), tap: (from, bytes) => { if (from === 'server') sizes.push(bytes.length) },
  }, NOTHING, bytesOf(3 * MB, 1))
  expect(pair.run(isComplete, 30_000)).toBe(true)
  expect(sizes.filter(size => size === 1472).length / sizes.length).toBeGreaterThan(0.95)
  expect(pair.accepted?.metrics()).toMatchObject({ lost: 0, datagramBytes: 1472 })
})

test('with a token from an earlier visit, the first request is encrypted in the first packet and known to be early', () => {
  const { pair, packets } = watched({ seed: 5, link: { delayMs: 10 }, encryption: encrypted() })
  pair.connected()
  pair.wait(100)
  const before = packets.length
  const client = pair.connect(visitOf(pair))
  expect(carries(pair, client, 10)).toBe(true)
  expect(new Set(packets.slice(before).flatMap(({ from, packet }) => from === 'client' ? [packet.type] : []))).toEqual(new Set(['HELLO']))
  expect(pair.server.events.flatMap(event => event.kind === 'stream' ? [event.stream.early] : [])).toEqual([true])
})

test('a visit with a used token gets a RETRY, and its data is encrypted again with other keys', () => {
  const { pair } = watched({ seed: 6, link: { delayMs: 10 }, encryption: encrypted() })
  pair.connected()
  pair.wait(100)
  const visit = visitOf(pair)
  expect(carries(pair, pair.connect(visit), 100, 1)).toBe(true)
  expect(carries(pair, pair.connect(visit), 100, 2)).toBe(true)
  expect(pair.server.events.flatMap(event => event.kind === 'stream' ? [event.stream.early] : [])).toEqual([true, false])
})

test('the announced prekey changes after an hour, and is accepted for one hour more', () => {
  const acceptor = new AcceptorEncryption(nodeCryptography, seededRandom(1), new Uint8Array(32).fill(1))
  const { publicKey: share } = nodeCryptography.keyPair(new Uint8Array(32).fill(2))
  const takes = (prekeyNumber: number, nowMs: number) => acceptor.agree({ type: 'HELLO', destinationId: 0, sourceId: 1, number: 0, prekeyNumber, share, token: NOTHING, contentAt: 66 }, nowMs) !== undefined
  const first = acceptor.keys(0)
  expect(acceptor.keys(HOUR_MS - 1)).toEqual(first)
  const second = acceptor.keys(HOUR_MS)
  expect(second.identity).toEqual(first.identity)
  expect(second.prekey).not.toEqual(first.prekey)
  expect([takes(first.prekeyNumber, 2 * HOUR_MS - 1), takes(first.prekeyNumber, 2 * HOUR_MS), takes(second.prekeyNumber, 2 * HOUR_MS), takes(77, HOUR_MS)]).toEqual([true, false, true, false])
})

test('a connection survives the prekey that it began with, and a change of address', () => {
  const { pair } = watched({ seed: 7, link: { delayMs: 10 }, encryption: encrypted(), limits: { idleTimeoutMs: 10 * HOUR_MS } })
  const { client, server } = pair.connected()
  pair.wait(3 * HOUR_MS)
  pair.server.path = { ...pair.server.path, peer: { address: '198.51.100.7', port: 1234 } }
  expect(carries(pair, client, 1000)).toBe(true)
  expect(server.path.peer.address).toBe('198.51.100.7')
})

test('a server that lost the connection proves it with the reset token, which it knows after a restart', () => {
  const encryption = encrypted()
  const { pair } = watched({ seed: 8, link: { delayMs: 10 }, encryption })
  const { client } = pair.connected()
  pair.wait(100)
  const restarted = new Pair({ seed: 9, encryption })
  client.openStream()?.write(bytesOf(10, 1))
  pair.client.endpoint.settle(pair.nowMs)
  const sent = pair.client.endpoint.outbox.splice(0).flatMap(effect => effect.kind === 'send' ? [effect.bytes] : [])
  for (const bytes of sent) restarted.server.endpoint.receive(bytes, restarted.server.path, 0)
  const answers = restarted.server.endpoint.outbox.flatMap(effect => effect.kind === 'send' ? [effect.bytes] : [])
  expect(answers.length).toBe(1)
  for (const bytes of answers) pair.client.endpoint.receive(bytes, pair.client.path, pair.nowMs)
  pair.drain()
  expect(pair.client.events.flatMap(event => event.kind === 'closed' ? [event.reason] : [])).toEqual(['unknown-to-peer'])
})

test('no key is used with a nonce twice, whatever is lost and repeated, even on return visits', () => {
  const met = new Set<string>()
  const recording: Cryptography = {
    ...nodeCryptography,
    cipher(key) {
      const { seal, open } = bound(nodeCryptography.cipher(key))
      return {
        open,
        seal(nonce, ...rest) {
          const both = Buffer.from([...key, ...nonce]).toString('hex')
          expect(met).not.toContain(both)
          met.add(both)
          seal(nonce, ...rest)
        },
      }
    },
  }
  const { client, server, ...rest } = encrypted()
  const { pair, isComplete } = transfer({
    seed: 10, link: { delayMs: 10, loss: 0.2, duplication: 0.2 }, encryption: { ...rest, client: { ...client, cryptography: recording }, server: { ...server, cryptography: recording } },
  }, bytesOf(200_000, 1), bytesOf(200_000, 2))
  expect(pair.run(isComplete, 30_000)).toBe(true)
  const visit = visitOf(pair)
  for (let count = 0; count < 3; count++) carries(pair, pair.connect(visit), 2000)
  expect(met.size).toBeGreaterThan(300)
})

test('the keys depend on everything that both ends know of the handshake', () => {
  const bytes = (length: number, value: number) => new Uint8Array(length).fill(value)
  const agreement = { withIdentity: bytes(32, 1), withPrekey: bytes(32, 2) }
  const [hello, keys] = [{ prekeyNumber: 1, share: bytes(32, 3), token: bytes(21, 4) }, { identity: bytes(32, 5), prekeyNumber: 1, prekey: bytes(32, 6) }]
  const packet = Uint8Array.from([...bytes(13, 0), 1, ...bytes(16, 0)]) // a PING
  deriveProtection(nodeCryptography, 'initiator', 1, agreement, hello, keys).encrypt('SHORT', 9, packet, 0, 13, 14)
  const opens = (id: number, ...[one, two, three]: [Partial<typeof agreement>, Partial<typeof hello>, Partial<typeof keys>]) => {
    const protection = deriveProtection(nodeCryptography, 'acceptor', id, { ...agreement, ...one }, { ...hello, ...two }, { ...keys, ...three })
    return protection.open({ type: 'SHORT', destinationId: 1, number: 9, contentAt: 13 }, packet) !== undefined
  }
  expect(opens(1, {}, {}, {})).toBe(true)
  expect([
    opens(2, {}, {}, {}), opens(1, { withIdentity: bytes(32, 9) }, {}, {}), opens(1, { withPrekey: bytes(32, 9) }, {}, {}), opens(1, {}, { share: bytes(32, 9) }, {}),
    opens(1, {}, { token: bytes(21, 9) }, {}), opens(1, {}, { token: bytes(20, 4) }, {}), opens(1, {}, {}, { identity: bytes(32, 9) }),
    opens(1, {}, {}, { prekey: bytes(32, 9) }), opens(1, {}, {}, { prekeyNumber: 2 }),
  ]).toEqual(Array(9).fill(false))
})

test('a key is retired when it has encrypted as much as it may', () => {
  const none: Cryptography = { keyPair: nodeCryptography.keyPair, derive: (_secret, _salt, _info, length) => new Uint8Array(length), cipher: () => ({ seal: () => undefined, open: () => undefined }) }
  const [keys, hello] = [{ identity: NOTHING, prekeyNumber: 1, prekey: NOTHING }, { prekeyNumber: 1, share: NOTHING, token: NOTHING }]
  const protection = deriveProtection(none, 'initiator', 1, { withIdentity: NOTHING, withPrekey: NOTHING }, hello, keys)
  protection.encrypt('SHORT', 0, NOTHING, 0, 13, 2 ** 39 + 12)
  expect(protection.isSpent).toBe(false)
  protection.encrypt('SHORT', 1, NOTHING, 0, 13, 14)
  expect(protection.isSpent).toBe(true)
})
