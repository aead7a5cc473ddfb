// Forging, changing, replaying or reflecting packets of an encrypted connection achieves nothing and ends nothing.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nodeCryptography } from '../../node-cryptography.ts'
import { encrypted, IDENTITY } from '../../testing/encryption.ts'
import { bytesOf, same } from '../../testing/transfer.ts'
import { decodeEncryptedPacket, encodeEncryptedReset, encodeEncryptedRetry, ENCRYPTED_VERSION, type EncryptedPacket } from '../../wire/encrypted-packet.ts'
import { CLOSE_CODES, type Frame } from '../../wire/frames.ts'
import { encodePacket, sealLong, VERSION, type Packet } from '../../wire/packet.ts'
import type { Connection } from '../connection.ts'
import { Pair, type PairOptions, type SideName } from '../../testing/pair.ts'

interface Seen {
  readonly from: SideName
  readonly bytes: Uint8Array
}

/** An encrypted connection that has carried a little in each direction, with all its datagrams. */
function met(options: Partial<PairOptions> = {}) {
  const seen: Seen[] = []
  const pair = new Pair({ seed: 1, link: { delayMs: 5 }, encryption: encrypted(), ...options, tap: (from, bytes) => { seen.push({ from, bytes: bytes.slice() }) } })
  const { client, server } = pair.connected()
  expect(carries(pair, client)).toBe(true)
  return { pair, client, server, seen }
}

function carries(pair: Pair, client: Connection): boolean {
  const before = pair.server.events.length
  const stream = client.openStream()
  stream?.write(bytesOf(2000, before))
  pair.drain()
  pair.wait(300)
  const [theirs] = pair.server.events.slice(before).flatMap(event => event.kind === 'stream' ? [event.stream] : [])
  return theirs !== undefined && same(theirs.read(5000), bytesOf(2000, before))
}

function give(pair: Pair, to: SideName, bytes: Uint8Array): void {
  pair[to].endpoint.receive(bytes, pair[to].path, pair.nowMs)
  pair.drain()
}

/** Checks that both ends are as they were before the attack, and that the connection still works. */
function expectUnharmed({ pair, client, server }: Pick<ReturnType<typeof met>, 'pair' | 'client' | 'server'>): void {
  pair.wait(100)
  expect([client.state, server.state]).toEqual(['ESTABLISHED', 'ESTABLISHED'])
  expect(carries(pair, client)).toBe(true)
}

const closeReasons = (pair: Pair) => pair.client.events.flatMap(event => event.kind === 'closed' ? [event.reason] : [])
const typeOf = (bytes: Uint8Array) => decodeEncryptedPacket(bytes).type

/** The next datagram that the connection sends, withheld from the other side. */
function intercepted(pair: Pair, connection: Connection): Uint8Array {
  connection.openStream()?.write(bytesOf(40, 1))
  pair.client.endpoint.settle(pair.nowMs)
  const [first] = pair.client.endpoint.outbox.splice(0).flatMap(effect => effect.kind === 'send' ? [effect.bytes] : [])
  return first?.slice() ?? expect.unreachable('something was to be sent')
}

test('a packet with any bit flipped is ignored, and the genuine one is accepted after it', () => {
  const { pair, client, server } = met()
  const datagram = intercepted(pair, client)
  const before = server.metrics().received
  for (let bit = 0; bit < 8 * datagram.length; bit++) {
    const changed = datagram.slice()
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    give(pair, 'server', changed)
  }
  expect(server.metrics().received).toBe(before)
  give(pair, 'server', datagram)
  expect(server.metrics().received).toBe(before + 1)
  expectUnharmed({ pair, client, server })
})

test('handshake packets with any bit flipped and the checksum recomputed open nothing and do no harm', () => {
  const first = met()
  const handshake = first.seen.filter(({ bytes }) => bytes[0] !== 0x60).slice(0, 4)
  expect(handshake.map(({ bytes }) => typeOf(bytes))).toEqual(['HELLO', 'RETRY', 'HELLO', 'WELCOME'])
  const [, , hello, welcome] = handshake
  if (hello === undefined || welcome === undefined) return expect.unreachable('there are four')
  for (let bit = 0; bit < 8 * hello.bytes.length; bit++) {
    // The same seed: up to the changed HELLO, everything is as it was when the genuine one was accepted.
    const held: Uint8Array[] = []
    const pair = new Pair({ seed: 1, link: { delayMs: 5 }, encryption: encrypted(), tap: (from, bytes) => from !== 'client' || held.push(bytes.slice()) === 1 })
    pair.connect()
    pair.run(() => held.length === 2, 100)
    const changed = held[1] ?? NOTHING
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    if (bit >> 3 < 5 || bit >> 3 > 8) sealLong(changed, new DataView(changed.buffer))
    give(pair, 'server', changed)
    expect(pair.server.endpoint.connectionCount).toBe(0)
  }
  for (let bit = 0; bit < 8 * welcome.bytes.length; bit += 3) {
    const changed = welcome.bytes.slice()
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    sealLong(changed, new DataView(changed.buffer))
    give(first.pair, 'client', changed)
  }
  expectUnharmed(first)
}, 60_000)

test('truncated packets, and packets with bytes appended, are ignored', () => {
  const { pair, client, server } = met()
  const datagram = intercepted(pair, client)
  const before = server.metrics().received
  for (let length = 0; length < datagram.length; length++) give(pair, 'server', datagram.slice(0, length))
  give(pair, 'server', Uint8Array.from([...datagram, 0]))
  expect(server.metrics().received).toBe(before)
  expectUnharmed({ pair, client, server })
})

test('every packet of a connection, replayed to both ends in any order, is accepted no second time', () => {
  const { pair, client, server, seen } = met()
  const before = [client.metrics().received, server.metrics().received]
  const again = [...seen]
  for (const { bytes } of [...again, ...again.reverse()]) for (const side of ['client', 'server'] as const) give(pair, side, bytes)
  expect([client.metrics().received, server.metrics().received]).toEqual(before)
  expectUnharmed({ pair, client, server })
})

test('a packet reflected to its sender, even under the id of that sender, is ignored', () => {
  const { pair, client, server, seen } = met()
  const before = [client.metrics().received, server.metrics().received]
  const ids = { client: client.localId, server: server.localId }
  for (const { from, bytes } of [...seen]) {
    give(pair, from, bytes)
    if (bytes[0] !== 0x60) continue
    const addressed = bytes.slice()
    addressed.set(encodePacket({ type: 'SHORT', destinationId: ids[from], number: 0, frames: [{ kind: 'PING' }] }).subarray(5, 13), 1)
    give(pair, from, addressed)
  }
  expect([client.metrics().received, server.metrics().received]).toEqual(before)
  expectUnharmed({ pair, client, server })
})

test('unencrypted packets with both ids correct close nothing, reset nothing and move nothing', () => {
  const { pair, client, server } = met()
  const close: Frame[] = [{ kind: 'CONNECTION_CLOSE', code: 0 }]
  const unknown: Frame[] = [{ kind: 'CONNECTION_CLOSE', code: CLOSE_CODES.indexOf('unknown') }]
  for (const [side, end, peer] of [['client', client, server], ['server', server, client]] as const) {
    const attempts: Packet[] = [
      { type: 'SHORT', destinationId: end.localId, number: 900, frames: close },
      { type: 'WELCOME', destinationId: end.localId, sourceId: 77, number: 901, frames: close },
      { type: 'HELLO', destinationId: 0, sourceId: peer.localId, number: 902, frames: close },
      { type: 'RESET', destinationId: 0, sourceId: peer.localId, number: 0, frames: unknown },
      { type: 'RESET', destinationId: end.localId, sourceId: 0, number: 0, frames: unknown },
      { type: 'RETRY', destinationId: end.localId, sourceId: 0, number: 0, frames: [{ kind: 'TOKEN', token: Uint8Array.of(1) }] },
      { type: 'VERSIONS', destinationId: end.localId, sourceId: 0, versions: [VERSION] },
    ]
    for (const attempt of attempts) give(pair, side, encodePacket(attempt))
    give(pair, side, encodeEncryptedReset(0, peer.localId, CLOSE_CODES.indexOf('unknown'), new Uint8Array(16)))
    give(pair, side, encodeEncryptedReset(end.localId, 0, CLOSE_CODES.indexOf('refused'), new Uint8Array(16)))
    give(pair, side, encodeEncryptedRetry(end.localId, 0, { identity: IDENTITY, prekeyNumber: 1, prekey: IDENTITY }, Uint8Array.of(1)))
  }
  expectUnharmed({ pair, client, server })
})

test('unencrypted answers to an encrypted HELLO are ignored', () => {
  const pair = new Pair({ seed: 2, encryption: encrypted(), tap: () => false })
  const client = pair.connect()
  const answers: Packet[] = [
    { type: 'RETRY', destinationId: client.localId, sourceId: 0, number: 0, frames: [{ kind: 'TOKEN', token: Uint8Array.of(1) }] },
    { type: 'WELCOME', destinationId: client.localId, sourceId: 77, number: 0, frames: [{ kind: 'PING' }] },
    { type: 'RESET', destinationId: client.localId, sourceId: 0, number: 0, frames: [{ kind: 'CONNECTION_CLOSE', code: CLOSE_CODES.indexOf('refused') }] },
  ]
  for (const answer of answers) give(pair, 'client', encodePacket(answer))
  expect(client.state).toBe('HELLO-SENT')
  expect(pair.client.events.filter(({ kind }) => kind === 'connected' || kind === 'closed')).toEqual([])
})

test('a HELLO with its token exchanged opens nothing, so the same keys are never made twice', () => {
  const datagrams: Seen[] = []
  const pair = new Pair({ seed: 3, link: { delayMs: 50 }, encryption: encrypted(), tap: (from, bytes) => { datagrams.push({ from, bytes: bytes.slice() }) } })
  const { client } = pair.connected() // HELLO is repeated after 30 ms, so two RETRYs came
  const retries = datagrams.map(({ bytes }) => decodeEncryptedPacket(bytes)).filter((packet): packet is Extract<EncryptedPacket, { type: 'RETRY' }> => packet.type === 'RETRY')
  const hello = datagrams.find(({ bytes }) => typeOf(bytes) === 'HELLO' && bytes[65] !== 0)?.bytes.slice() ?? NOTHING
  expect([retries.length, hello[65]]).toEqual([2, retries[1]?.token.length])
  client.close(pair.nowMs)
  pair.drain()
  pair.wait(5000)
  hello.set(retries[1]?.token ?? NOTHING, 66)
  sealLong(hello, new DataView(hello.buffer))
  give(pair, 'server', hello)
  expect(pair.server.endpoint.connectionCount).toBe(0)
  expect(pair.server.events.filter(({ kind }) => kind === 'accepted').length).toBe(1)
})

test('a server with another identity than the trusted one gets nothing but the first HELLO', () => {
  const sent: Uint8Array[] = []
  const pair = new Pair({
    seed: 4, encryption: encrypted({ identitySecret: new Uint8Array(32).fill(9), trusts: identity => same(identity, IDENTITY) }), tap: (from, bytes) => { if (from === 'client') sent.push(bytes.slice()) },
  })
  pair.connect()
  pair.wait(6000)
  expect(closeReasons(pair)).toEqual(['untrusted'])
  expect(sent.map(bytes => [typeOf(bytes), bytes[65]])).toEqual([['HELLO', 0]])
  expect(pair.server.events).toEqual([])
})

test('a server that presents the trusted identity without owning it reads nothing and is never taken for it', () => {
  const encryption = encrypted({ trusts: identity => same(identity, IDENTITY) })
  const impostor = nodeCryptography.keyPair(new Uint8Array(32).fill(5))
  const pair = new Pair({ seed: 5, encryption, tap: () => false })
  const client = pair.connect()
  const retry = encodeEncryptedRetry(client.localId, 0, { identity: IDENTITY, prekeyNumber: 1, prekey: impostor.publicKey }, new Uint8Array(21))
  give(pair, 'client', retry)
  expect(client.state).toBe('TOKEN-SENT')
  pair.wait(6000)
  expect(closeReasons(pair)).toEqual(['connect-timed-out'])
  expect(pair.client.events.some(({ kind }) => kind === 'identified')).toBe(false)
})

test.each([
  { who: 'an encrypting client at a server without encryption', client: true, server: 'plain', reason: 'plain-only' },
  { who: 'an unencrypted client at a server that requires encryption', client: false, server: 'required', reason: 'encrypted-only' },
])('$who is told so and gives up, without falling back to cleartext', ({ client, server, reason }) => {
  const { trusts, client: initiator, server: acceptor } = encrypted()
  const sent: (number | undefined)[] = []
  const pair = new Pair({
    seed: 6, encryption: { ...(client && { trusts, client: initiator }), ...(server === 'required' && { server: acceptor }) },
    tap: (from, bytes) => { if (from === 'client') sent.push(new DataView(bytes.buffer, bytes.byteOffset).getUint32(1)) },
  })
  pair.connect()
  pair.wait(6000)
  expect(closeReasons(pair)).toEqual([reason])
  expect(sent).toEqual([client ? ENCRYPTED_VERSION : VERSION])
  expect(pair.server.endpoint.connectionCount).toBe(0)
})

test('a server that offers encryption accepts encrypted and unencrypted connections side by side', () => {
  const { trusts, client, server } = encrypted({ acceptsPlain: true })
  for (const encryption of [{ server }, { trusts, client, server }]) {
    const pair = new Pair({ seed: 7, link: { delayMs: 5 }, encryption })
    const ends = pair.connected()
    expect(carries(pair, ends.client)).toBe(true)
    expect([ends.client, ends.server].map(end => end.encryption !== undefined)).toEqual(Array(2).fill('client' in encryption))
  }
})

test('forged VERSIONS end the attempt, without falling back to cleartext', () => {
  const sent: number[] = []
  const encryption = encrypted({ acceptsPlain: true })
  const pair = new Pair({ seed: 8, link: { delayMs: 5 }, encryption, tap: (_from, bytes) => { sent.push(new DataView(bytes.buffer, bytes.byteOffset).getUint32(1)) } })
  const client = pair.connect()
  give(pair, 'client', encodePacket({ type: 'VERSIONS', destinationId: client.localId, sourceId: 0, versions: [VERSION] }))
  pair.wait(100)
  expect(closeReasons(pair)).toEqual(['plain-only'])
  expect(sent.every(version => version === ENCRYPTED_VERSION)).toBe(true)
})

const OF_ORDER_8 = Uint8Array.from(Buffer.from('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', 'hex'))
test.each([{ what: 'zeros', point: new Uint8Array(32) }, { what: 'a point of order 8', point: OF_ORDER_8 }])(
  'shares and prekeys that make the secret the same for everyone are refused: $what', ({ point }) => {
    const pair = new Pair({ seed: 9, encryption: encrypted(), tap: () => false })
    const client = pair.connect()
    give(pair, 'client', encodeEncryptedRetry(client.localId, 0, { identity: IDENTITY, prekeyNumber: 1, prekey: point }, new Uint8Array(21)))
    expect(closeReasons(pair)).toEqual(['untrusted'])
    expect(nodeCryptography.keyPair(new Uint8Array(32).fill(1)).agree(point)).toBeUndefined()
  })

test('random bytes of the encrypted version either decode or are malformed', () => {
  const { pair, client, server } = met()
  const forms = fc.constantFrom(0x60, 0xc0, 0xd0, 0xe0, 0xf0, 0xff)
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 300, size: 'max' }), forms, fc.boolean(), fc.boolean(), (bytes, form, isAddressed, toServer) => {
    const datagram = new Uint8Array(bytes.length + 30)
    datagram.set(bytes, 30)
    const view = new DataView(datagram.buffer)
    view.setUint8(0, form)
    if (form !== 0x60) view.setUint32(1, ENCRYPTED_VERSION)
    const side = toServer ? 'server' : 'client'
    const id = encodePacket({ type: 'SHORT', destinationId: (toServer ? server : client).localId, number: 0, frames: [{ kind: 'PING' }] }).subarray(5, 13)
    if (isAddressed) datagram.set(id, form === 0x60 ? 1 : 9)
    if (form !== 0x60) sealLong(datagram, view)
    give(pair, side, datagram)
  }), { numRuns: 5000 })
  expectUnharmed({ pair, client, server })
})

const NOTHING = new Uint8Array(0)
