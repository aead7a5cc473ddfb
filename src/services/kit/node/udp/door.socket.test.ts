import { describe, expect, test } from 'vitest'
import { TraceRing } from '../../trace.ts'
import { systemClock } from '../clock.ts'
import { doorsOver, LOOPBACK, opened, OTHER_OWN, OWN, text, EVERY_IO } from '../testing/doors.ts'
import { openTracedDoor } from './traced-door.ts'

describe.each(EVERY_IO)('a door over %s', io => {
  const { openHere, openListener, openEcho } = doorsOver(io)

  test('what was sent arrives after flush, byte for byte', async () => {
    const server = await openListener()
    const client = await openListener()
    const path = client.door.pathTo(server.local)
    client.door.send(path, text('one'))
    client.door.send(path, new Uint8Array(0))
    client.door.send(path, text('three'))
    client.door.flush()
    const received = await server.receivedAtLeast(3)
    expect(received.map(datagram => datagram.text)).toEqual(['one', '', 'three'])
  })

  test('bytes may be overwritten once flush has returned, and those of a train once it has returned true', async () => {
    const server = await openListener()
    const client = await openListener()
    const path = client.door.pathTo(server.local)
    const lengths = [5, 3_000, 5_000, 60_000]
    for (const round of [1, 2, 3]) {
      const bytes = lengths.map(length => new Uint8Array(length).fill(round))
      const train = new Uint8Array(3_000).fill(round)
      for (const one of bytes) client.door.send(path, one)
      client.door.sendTrain(path, train, 1_000)
      const isFree = client.door.flush()
      for (const one of isFree ? [...bytes, train] : bytes) one.fill(0xee)
    }
    const received = await server.receivedAtLeast(3 * (lengths.length + 3))
    for (const [index, { bytes }] of received.entries()) expect(new Set(bytes), `datagram ${index}`).toEqual(new Set([Math.floor(index / (lengths.length + 3)) + 1]))
  })

  test('a response goes back on the path that its request came by', async () => {
    const server = await openListener()
    const client = await openListener()
    client.say(server.local, text('request'))
    const [request] = await server.receivedAtLeast(1)
    if (request === undefined) throw new Error('no request arrived')
    expect(request.path).toEqual({ local: server.local, interfaceName: '', peer: client.local })
    server.door.send(request.path, text('response'))
    server.door.flush()
    expect((await client.receivedAtLeast(1))[0]?.text).toBe('response')
  })

  test('a path that a machine created itself leads where it says', async () => {
    const server = await openListener({ addresses: [OWN, OTHER_OWN] })
    const client = await openListener()
    server.door.send({ local: { address: OTHER_OWN, port: 0 }, interfaceName: '', peer: client.local }, text('hello'))
    server.door.flush()
    expect((await client.receivedAtLeast(1))[0]?.path.peer).toEqual({ address: OTHER_OWN, port: server.local.port })
  })

  test('the same path is the same object, for sending and receiving', async () => {
    const server = await openListener()
    const client = await openListener()
    client.say(server.local, text('one'))
    client.say(server.local, text('two'))
    const [one, two] = await server.receivedAtLeast(2)
    expect(one?.path).toBe(two?.path)
    expect(one?.path).toBe(server.door.pathTo({ ...client.local }))
  })

  test('paths are told apart by port and by address with thousands in use', async () => {
    const { door } = await openListener()
    const peers = Array.from({ length: 4000 }, (_, number) => ({ address: `198.51.${number >> 8}.${number & 255}`, port: 1 + number % 7 }))
    const paths = peers.map(peer => door.pathTo(peer))
    expect(new Set(paths).size).toBe(peers.length)
    expect(peers.map(peer => door.pathTo(peer))).toEqual(paths)
    expect(paths.map(({ peer }) => peer)).toEqual(peers)
  })

  test('a path in use stays the same object while far more paths than are remembered come and go', async () => {
    const { door } = await openListener()
    const kept = { address: '192.0.2.1', port: 9 }
    const path = door.pathTo(kept)
    for (let number = 0; number < 30_000; number++) {
      door.pathTo({ address: '198.51.100.1', port: number })
      if (number % 1000 === 0) expect(door.pathTo(kept)).toBe(path)
    }
  })

  test('a door that pauses between reads loses nothing that arrives meanwhile, and can be closed during a pause', async () => {
    const { local, receivedAtLeast } = await openListener({ pauseMs: 20 })
    const client = await openListener()
    const words = Array.from({ length: 100 }, (_, index) => `datagram ${index}`)
    for (const word of words) client.say(local, text(word))
    expect((await receivedAtLeast(100)).map(({ text }) => text)).toEqual(words)
    for (const word of words) client.say(local, text(word))
    await receivedAtLeast(101)
    for (const door of opened.splice(0)) await door.close()
  })

  test('several addresses share one port, and a reply leaves from the address that was queried', async () => {
    const server = await openEcho({ addresses: [OWN, OTHER_OWN] })
    expect(server.locals.map(({ address }) => address)).toEqual([OWN, OTHER_OWN])
    expect(new Set(server.locals.map(({ port }) => port)).size).toBe(1)
    const client = await openListener()
    for (const local of server.locals) client.say(local, text('request'))
    const replies = await client.receivedAtLeast(2)
    expect(replies.map(({ path }) => path.peer.address).sort()).toEqual([OWN, OTHER_OWN])
  })

  test('IPv6 works like IPv4', async () => {
    const server = await openEcho({ addresses: ['::1'] })
    const client = await openListener({ addresses: ['::1'] })
    client.say(server.local, text('request'))
    const [reply] = await client.receivedAtLeast(1)
    expect(reply).toMatchObject({ text: 'request', path: { local: client.local, peer: server.local } })
  })

  test('peerHash tells peers apart by address, not by port', async () => {
    const hashes: { address: string; hash: number }[] = []
    let arrived: () => void = () => undefined
    const server = await openHere({
      receive(batch) {
        for (let index = 0; index < batch.count; index++) hashes.push({ address: batch.path(index).peer.address, hash: batch.peerHash(index) })
        arrived()
      },
    })
    const clients = await Promise.all(['127.0.0.1', '127.0.0.1', '127.0.0.2', '127.0.0.3'].map(address => openListener({ addresses: [address] })))
    const all = new Promise<void>(resolve => { arrived = () => { if (hashes.length === clients.length) resolve() } })
    for (const client of clients) client.say(server.local, text('?'))
    await all
    const of = (address: string) => hashes.filter(each => each.address === address).map(({ hash }) => hash)
    expect(of('127.0.0.1')[0]).toBe(of('127.0.0.1')[1])
    expect(new Set(hashes.map(({ hash }) => hash)).size).toBe(3)
    expect(hashes.every(({ hash }) => Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32)).toBe(true)
  })

  test('a traced door traces both directions, including in-place replies', async () => {
    const trace = new TraceRing(16_384)
    const server = await openTracedDoor({
      ...LOOPBACK, io,
      receive(batch) {
        batch.replies.set(text('reply'), 0)
        batch.replyLengths[0] = 5
      },
    }, trace, 'dns', systemClock)
    opened.push(server)
    const client = await openListener()
    const local = server.locals[0] ?? { address: '', port: 0 }
    client.say(local, text('in'))
    expect((await client.receivedAtLeast(1))[0]?.text).toBe('reply')
    server.send(server.pathTo(client.local), text('out'))
    expect(trace.read(0, 9).records.map(({ direction, protocol, bytes }) => [direction, protocol, Buffer.from(bytes).toString()]))
      .toEqual([['in', 'dns', 'in'], ['out', 'dns', 'reply'], ['out', 'dns', 'out']])
  })
})
