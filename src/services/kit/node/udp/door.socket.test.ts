import { execFileSync } from 'node:child_process'
import { afterEach, describe, expect, test } from 'vitest'
import type { Endpoint, Path } from '../../endpoint.ts'
import { TraceRing } from '../../trace.ts'
import { systemClock } from '../clock.ts'
import { REPLY_BYTES_MAX, type DatagramBatch, type DatagramDoor, type DoorOptions } from './door.ts'
import { openDoor } from './open-door.ts'
import { openTracedDoor } from './traced-door.ts'

const open: DatagramDoor[] = []
afterEach(async () => { for (const door of open.splice(0)) await door.close() })

const text = (words: string) => new TextEncoder().encode(words)

function bytesOf({ slab, offsets, lengths }: DatagramBatch, index: number): Buffer {
  const offset = offsets[index] ?? 0
  return Buffer.from(slab.subarray(offset, offset + (lengths[index] ?? 0)))
}

/** Loopback addresses that other tests on this machine do not bind, so that a port that is free on one is free on the other. */
const [OWN, OTHER_OWN] = [101, 102].map(net => `127.${net}.${process.pid >> 8 & 255}.${process.pid & 255}`) as [string, string]

const LOOPBACK: DoorOptions = { addresses: ['127.0.0.1'], port: 0, receive: () => undefined }

// The add-on is for Linux.
describe.each(process.platform === 'linux' ? ['dgram', 'batch'] as const : ['dgram'] as const)('a door over %s', io => {
  async function openHere(options: Partial<DoorOptions> = {}): Promise<DatagramDoor & { readonly local: Endpoint }> {
    const door = await openDoor({ ...LOOPBACK, io, ...options })
    open.push(door)
    const [local] = door.locals
    if (local === undefined) throw new Error('a door has a socket')
    return Object.assign(door, { local })
  }

  /** A door that collects what it receives, and a way to wait for it. */
  async function openListener(options: Partial<DoorOptions> = {}) {
    const received: { bytes: Buffer; text: string; path: Path }[] = []
    let arrived: () => void = () => undefined
    const door = await openHere({
      receive(batch) {
        for (let index = 0; index < batch.count; index++) {
          const bytes = bytesOf(batch, index)
          received.push({ bytes, text: bytes.toString(), path: batch.path(index) })
        }
        arrived()
      },
      ...options,
    })
    const receivedAtLeast = (count: number) => new Promise<typeof received>(resolve => {
      arrived = () => { if (received.length >= count) resolve(received) }
      arrived()
    })
    return { door, local: door.local, received, receivedAtLeast, say: (peer: Endpoint, bytes: Uint8Array) => {
      door.send(door.pathTo(peer), bytes)
      door.flush()
    } }
  }

  /** Answers each datagram in place with itself. */
  const openEcho = (options: Partial<DoorOptions> = {}) => openHere({
    receive(batch) {
      for (let index = 0; index < batch.count; index++) {
        batch.replies.set(bytesOf(batch, index), index * REPLY_BYTES_MAX)
        batch.replyLengths[index] = batch.lengths[index] ?? 0
      }
    },
    ...options,
  })

  test('what is sent is there after flush, byte for byte', async () => {
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

  test('bytes may be written over as soon as flush has returned', async () => {
    const server = await openListener()
    const client = await openListener()
    const path = client.door.pathTo(server.local)
    const lengths = [5, 3_000, 5_000, 60_000]
    for (const round of [1, 2, 3]) {
      const bytes = lengths.map(length => new Uint8Array(length).fill(round))
      for (const one of bytes) client.door.send(path, one)
      client.door.sendTrain(path, bytes[1] ?? new Uint8Array(0), 1_000)
      client.door.flush()
      for (const one of bytes) one.fill(0xee)
    }
    const received = await server.receivedAtLeast(3 * (lengths.length + 3))
    for (const [index, { bytes }] of received.entries()) expect(new Set(bytes), `datagram ${index}`).toEqual(new Set([Math.floor(index / (lengths.length + 3)) + 1]))
  })

  test('an answer goes back on the path that the question came by', async () => {
    const server = await openListener()
    const client = await openListener()
    client.say(server.local, text('question'))
    const [question] = await server.receivedAtLeast(1)
    if (question === undefined) throw new Error('no question came')
    expect(question.path).toEqual({ local: server.local, interfaceName: '', peer: client.local })
    server.door.send(question.path, text('answer'))
    server.door.flush()
    expect((await client.receivedAtLeast(1))[0]?.text).toBe('answer')
  })

  test('a path that a machine made for itself leads where it says', async () => {
    const server = await openListener({ addresses: [OWN, OTHER_OWN] })
    const client = await openListener()
    server.door.send({ local: { address: OTHER_OWN, port: 0 }, interfaceName: '', peer: client.local }, text('hello'))
    server.door.flush()
    expect((await client.receivedAtLeast(1))[0]?.path.peer).toEqual({ address: OTHER_OWN, port: server.local.port })
  })

  test('the same way is the same object, sent to or received from', async () => {
    const server = await openListener()
    const client = await openListener()
    client.say(server.local, text('one'))
    client.say(server.local, text('two'))
    const [one, two] = await server.receivedAtLeast(2)
    expect(one?.path).toBe(two?.path)
    expect(one?.path).toBe(server.door.pathTo({ ...client.local }))
  })

  test('ways stay apart by port and by address, though thousands are in use', async () => {
    const { door } = await openListener()
    const peers = Array.from({ length: 4000 }, (_, number) => ({ address: `198.51.${number >> 8}.${number & 255}`, port: 1 + number % 7 }))
    const paths = peers.map(peer => door.pathTo(peer))
    expect(new Set(paths).size).toBe(peers.length)
    expect(peers.map(peer => door.pathTo(peer))).toEqual(paths)
    expect(paths.map(({ peer }) => peer)).toEqual(peers)
  })

  test('a way in use stays the same object while far more ways than are remembered come and go', async () => {
    const { door } = await openListener()
    const kept = { address: '192.0.2.1', port: 9 }
    const path = door.pathTo(kept)
    for (let number = 0; number < 30_000; number++) {
      door.pathTo({ address: '198.51.100.1', port: number })
      if (number % 1000 === 0) expect(door.pathTo(kept)).toBe(path)
    }
  })

  test('a door that rests between readings loses nothing of what comes meanwhile, and closes while it rests', async () => {
    const { local, receivedAtLeast } = await openListener({ restMs: 20 })
    const client = await openListener()
    const words = Array.from({ length: 100 }, (_, index) => `datagram ${index}`)
    for (const word of words) client.say(local, text(word))
    expect((await receivedAtLeast(100)).map(({ text }) => text)).toEqual(words)
    for (const word of words) client.say(local, text(word))
    await receivedAtLeast(101)
    for (const door of open.splice(0)) await door.close()
  })

  test('several addresses share one port, and an answer leaves from the address that was asked', async () => {
    const server = await openEcho({ addresses: [OWN, OTHER_OWN] })
    expect(server.locals.map(({ address }) => address)).toEqual([OWN, OTHER_OWN])
    expect(new Set(server.locals.map(({ port }) => port)).size).toBe(1)
    const client = await openListener()
    for (const local of server.locals) client.say(local, text('question'))
    const answers = await client.receivedAtLeast(2)
    expect(answers.map(({ path }) => path.peer.address).sort()).toEqual([OWN, OTHER_OWN])
  })

  test('IPv6 works as IPv4 does', async () => {
    const server = await openEcho({ addresses: ['::1'] })
    const client = await openListener({ addresses: ['::1'] })
    client.say(server.local, text('question'))
    const [answer] = await client.receivedAtLeast(1)
    expect(answer).toMatchObject({ text: 'question', path: { local: client.local, peer: server.local } })
  })

  test('answers in place go each to its own asker', async () => {
    const server = await openEcho()
    const clients = await Promise.all(Array.from({ length: 20 }, () => openListener()))
    for (let round = 0; round < 10; round++) for (const [number, client] of clients.entries()) client.say(server.local, text(`${number}.${round}`))
    for (const [number, client] of clients.entries()) {
      const answers = await client.receivedAtLeast(10)
      expect(answers.map(answer => answer.text).sort()).toEqual(Array.from({ length: 10 }, (_, round) => `${number}.${round}`))
    }
  })

  test('a datagram without an answer in place gets none, even where the last one there had one', async () => {
    const server = await openHere({
      receive(batch) {
        for (let index = 0; index < batch.count; index++) {
          if (bytesOf(batch, index).toString() !== 'silence') batch.replyLengths[index] = 1
        }
      },
    })
    const client = await openListener()
    for (const words of ['speak', 'silence', 'speak']) client.say(server.local, text(words))
    expect((await client.receivedAtLeast(2)).length).toBe(2)
    client.say(server.local, text('speak'))
    expect((await client.receivedAtLeast(3)).length).toBe(3)
  })

  test('ten thousand datagrams are echoed, each as it was', async () => {
    const server = await openEcho()
    const AHEAD_MAX = 100
    const COUNT = 10_000
    const back = new Set<number>()
    let sent = 0
    let done: () => void
    const allBack = new Promise<void>(resolve => { done = resolve })
    const client = await openHere({
      receive(batch) {
        for (let index = 0; index < batch.count; index++) back.add(bytesOf(batch, index).readUInt32BE(16))
        if (back.size === COUNT) done()
        else sendMore()
      },
    })
    const sendMore = () => {
      for (; sent < COUNT && sent - back.size < AHEAD_MAX; sent++) {
        const bytes = Buffer.alloc(20)
        bytes.writeUInt32BE(sent, 16)
        client.send(client.pathTo(server.local), bytes)
      }
      client.flush()
    }
    sendMore()
    await allBack
    expect(back.size).toBe(COUNT)
    expect(back.has(COUNT - 1)).toBe(true)
  })

  test('the largest datagrams arrive whole, among small ones', async () => {
    const server = await openListener()
    const client = await openListener()
    const sizes = [1, 65_507, 2, 2048, 2049, 65_507, 1472, 3]
    const datagrams = sizes.map((size, number) => Buffer.alloc(size, number + 1))
    for (const bytes of datagrams) client.door.send(client.door.pathTo(server.local), bytes)
    client.door.flush()
    const received = await server.receivedAtLeast(sizes.length)
    expect(received.map(({ bytes }) => bytes.length)).toEqual(sizes)
    expect(received.every(({ bytes }, number) => bytes.equals(datagrams[number] ?? Buffer.alloc(0)))).toBe(true)
  })

  test('a datagram that is too large is lost alone', async () => {
    const server = await openListener()
    const client = await openListener()
    const path = client.door.pathTo(server.local)
    for (const bytes of [text('before'), new Uint8Array(65_508), new Uint8Array(70_000), text('after')]) client.door.send(path, bytes)
    client.door.flush()
    expect((await server.receivedAtLeast(2)).map(datagram => datagram.text)).toEqual(['before', 'after'])
  })

  test.each([['one by one', false], ['coalesced', true]])('a train arrives as its datagrams, in order, where they are received %s', async (_, coalesce) => {
    const server = await openListener({ coalesce })
    const client = await openListener()
    const train = Buffer.alloc(150_001, 0)
    for (let at = 0; at < train.length; at++) train[at] = at % 251
    client.door.send(client.door.pathTo(server.local), text('locomotive'))
    client.door.sendTrain(client.door.pathTo(server.local), train, 1200)
    client.door.send(client.door.pathTo(server.local), text('lantern'))
    client.door.flush()
    const received = await server.receivedAtLeast(128)
    expect(received.length).toBe(128)
    expect([received[0]?.text, received[127]?.text]).toEqual(['locomotive', 'lantern'])
    const wagons = received.slice(1, -1).map(({ bytes }) => bytes)
    expect(wagons.slice(0, -1).every(({ length }) => length === 1200)).toBe(true)
    expect(Buffer.concat(wagons).equals(train)).toBe(true)
    expect(received.every(({ path }) => path === received[0]?.path)).toBe(true)
  })

  test.each([['one by one', false], ['coalesced', true]])('answers of one length and of others, to one peer and to another, arrive in order, received %s', async (_, coalesce) => {
    const server = await openEcho()
    const clients = [await openListener({ coalesce }), await openListener({ coalesce })]
    // Long runs of one length leave as a train, which a shorter one ends; short runs and longer ones do not.
    const questions = [...Array<number>(20).fill(43), 12, ...Array<number>(9).fill(43), 44, 12, ...Array<number>(8).fill(1_000), ...Array<number>(7).fill(3), 1_232, 5]
      .map((length, index) => new Uint8Array(length).fill(index))
    for (const { door } of clients) {
      for (const bytes of questions) door.send(door.pathTo(server.local), bytes)
      door.flush()
    }
    for (const client of clients) expect((await client.receivedAtLeast(questions.length)).map(({ bytes }) => [...bytes])).toEqual(questions.map(bytes => [...bytes]))
  })

  test('a train of large datagrams, or shorter than one, arrives too', async () => {
    const server = await openListener({ coalesce: true })
    const client = await openListener()
    client.door.sendTrain(client.door.pathTo(server.local), new Uint8Array(120_000).fill(1), 60_000)
    client.door.sendTrain(client.door.pathTo(server.local), new Uint8Array(5).fill(2), 1200)
    client.door.flush()
    expect((await server.receivedAtLeast(3)).map(({ bytes }) => bytes.length)).toEqual([60_000, 60_000, 5])
  })

  test('peers are told apart by address alone where a hash is asked for', async () => {
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

  test('a datagram to a port that nobody has is lost, and the door goes on', async () => {
    const client = await openListener()
    const server = await openListener()
    client.say({ address: '127.0.0.1', port: 1 }, text('nobody'))
    client.say({ address: '255.255.255.255', port: 9 }, text('not permitted'))
    client.say(server.local, text('somebody'))
    expect((await server.receivedAtLeast(1))[0]?.text).toBe('somebody')
  })

  test.each([['127.0.0.1', '::1'], ['::1', '127.0.0.1']])('a peer of the other family is lost alone, from %s', async (address, other) => {
    const client = await openListener({ addresses: [address] })
    const server = await openListener({ addresses: [address] })
    client.say({ address: other, port: 9 }, text('to the other family'))
    client.door.sendTrain({ local: client.local, interfaceName: '', peer: { address: other, port: 9 } }, text('a train to it'), 4)
    client.door.flush()
    client.say(server.local, text('to its own'))
    expect((await server.receivedAtLeast(1))[0]?.text).toBe('to its own')
  })

  test('a door with one peer hears that nobody listens there, again and again, and hears the peer once it does', async () => {
    const reserved = await openListener()
    await reserved.door.close()
    const errors: string[] = []
    let failed: () => void = () => undefined
    const client = await openListener({
      addresses: ['0.0.0.0'], peer: reserved.local,
      onError(error) {
        errors.push((error as NodeJS.ErrnoException).code ?? '')
        failed()
      },
    })
    for (let time = 1; time <= 3; time++) {
      const refused = new Promise<void>(resolve => { failed = resolve })
      client.say(reserved.local, text('?'))
      await refused
    }
    expect(new Set(errors)).toEqual(new Set(['ECONNREFUSED']))
    const server = await openEcho({ port: reserved.local.port })
    client.say(server.local, text('now'))
    expect((await client.receivedAtLeast(1))[0]?.text).toBe('now')
  })

  test('a door with one peer does not hear others', async () => {
    const peer = await openListener()
    const stranger = await openListener()
    const client = await openListener({ peer: peer.local })
    stranger.say(client.local, text('forged'))
    client.say(peer.local, text('question'))
    await peer.receivedAtLeast(1)
    peer.say(client.local, text('true'))
    expect((await client.receivedAtLeast(1)).map(datagram => datagram.text)).toEqual(['true'])
  })

  test('a taken port is refused with its owner, and leaves no socket open', async () => {
    const { local: { port } } = await openHere({ addresses: [OTHER_OWN] })
    await expect(openDoor({ ...LOOPBACK, io, addresses: [OWN, OTHER_OWN], port }))
      .rejects.toMatchObject({ code: 'port-taken', parts: { why: expect.stringContaining(`(pid ${process.pid})`) } })
    await openHere({ addresses: [OWN], port })
  })

  test('an address of another machine is refused with a clear line', async () => {
    await expect(openDoor({ ...LOOPBACK, io, addresses: ['192.0.2.1'] })).rejects.toMatchObject({ code: 'address-not-local' })
  })

  test('a wildcard and a single address share a port where they are told to, and only then', async () => {
    const { local: { port } } = await openHere({ addresses: ['0.0.0.0'], sharePort: true })
    await openHere({ port, sharePort: true })
    await expect(openDoor({ ...LOOPBACK, io, port })).rejects.toMatchObject({ code: 'port-taken' })
  })

  test('a door that is closed while it receives hears and answers nothing more', async () => {
    let heard = 0
    let closed: () => void
    const isClosed = new Promise<void>(resolve => { closed = resolve })
    const server = await openHere({
      receive(batch) {
        heard++
        for (let index = 0; index < batch.count; index++) batch.replyLengths[index] = 1
        server.send(batch.path(0), text('unflushed'))
        void server.close().then(closed)
      },
    })
    const client = await openListener()
    for (let number = 0; number < 200; number++) client.door.send(client.door.pathTo(server.local), text('?'))
    client.door.flush()
    await isClosed
    server.flush()
    await server.close()
    const other = await openEcho({ port: server.local.port })
    client.say(other.local, text('still there?'))
    expect((await client.receivedAtLeast(1)).map(datagram => datagram.text)).toEqual(['still there?'])
    expect(heard).toBe(1)
  })

  test('a door that is closed sends nothing, and sending does not throw', async () => {
    const server = await openListener()
    const client = await openListener()
    const path = client.door.pathTo(server.local)
    client.door.send(path, text('too late'))
    await client.door.close()
    client.door.flush()
    client.door.send(path, text('much too late'))
    client.door.sendTrain(path, text('a train, too late'), 4)
    client.door.flush()
    const other = await openListener()
    other.say(server.local, text('in time'))
    expect((await server.receivedAtLeast(1)).map(datagram => datagram.text)).toEqual(['in time'])
  })

  test('what a receiver throws is an uncaught exception, and the door goes on', async () => {
    const listeners = process.rawListeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    const caught = new Promise<unknown>(resolve => process.once('uncaughtException', resolve))
    let first = true
    const server = await openEcho()
    const client = await openListener({
      receive() {
        if (!first) return answered()
        first = false
        throw new Error('a fault of the receiver')
      },
    })
    let answered: () => void = () => undefined
    const isAnswered = new Promise<void>(resolve => { answered = resolve })
    client.say(server.local, text('?'))
    expect(await caught).toMatchObject({ message: 'a fault of the receiver' })
    for (const listener of listeners) process.on('uncaughtException', listener as (error: Error) => void)
    client.say(server.local, text('?'))
    await isAnswered
  })

  test('promises and ticks of a receiver run before the next event', async () => {
    const order: string[] = []
    let done: () => void
    const all = new Promise<void>(resolve => { done = resolve })
    const server = await openHere({
      receive() {
        process.nextTick(() => order.push('tick'))
        void Promise.resolve().then(() => order.push('promise'))
        setImmediate(() => {
          order.push('immediate')
          done()
        })
        order.push('receive')
      },
    })
    const client = await openListener()
    client.say(server.local, text('?'))
    await all
    expect(order).toEqual(['receive', 'tick', 'promise', 'immediate'])
  })

  test('a timer runs although a flood goes on', async () => {
    const server = await openEcho()
    let flooding = true
    const client = await openHere({
      receive(batch) {
        for (let index = 0; index < batch.count && flooding; index++) client.send(client.pathTo(server.local), text('again'))
        client.flush()
      },
    })
    for (let number = 0; number < 300; number++) client.send(client.pathTo(server.local), text('again'))
    client.flush()
    await new Promise(resolve => setTimeout(resolve, 1))
    flooding = false
  })

  test('a traced door writes both directions into the trace, answers in place too', async () => {
    const trace = new TraceRing(16_384)
    const server = await openTracedDoor({
      ...LOOPBACK, io,
      receive(batch) {
        batch.replies.set(text('reply'), 0)
        batch.replyLengths[0] = 5
      },
    }, trace, 'dns', systemClock)
    open.push(server)
    const client = await openListener()
    const local = server.locals[0] ?? { address: '', port: 0 }
    client.say(local, text('in'))
    expect((await client.receivedAtLeast(1))[0]?.text).toBe('reply')
    server.send(server.pathTo(client.local), text('out'))
    expect(trace.read(0, 9).records.map(({ direction, protocol, bytes }) => [direction, protocol, Buffer.from(bytes).toString()]))
      .toEqual([['in', 'dns', 'in'], ['out', 'dns', 'reply'], ['out', 'dns', 'out']])
  })
})

test('a door that rests keeps its process alive', () => {
  const script = `
    import { openDoor } from ${JSON.stringify(new URL('open-door.ts', import.meta.url).href)}
    let count = 0
    const door = await openDoor({ addresses: ['127.0.0.1'], port: 0, io: 'batch', restMs: 50, receive(batch) {
      count += batch.count
      if (count === 20) door.close().then(() => console.log('all came'))
      else if (count === 10) send(10)
    } })
    const path = door.pathTo(door.locals[0])
    const send = number => { for (let sent = 0; sent < number; sent++) door.send(path, Uint8Array.of(sent)) ; door.flush() }
    send(10)
  `
  expect(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })).toBe('all came\n')
})

test('in a crowd datagrams are read together, though each was sent for itself', async () => {
  const counts: number[] = []
  let allCame = () => {}
  const all = new Promise<void>(resolve => { allCame = resolve })
  const door = await openDoor({ ...LOOPBACK, io: 'batch', restMs: 20, receive(batch) {
    counts.push(batch.count)
    if (counts.reduce((sum, count) => sum + count, 0) === 24) allCame()
  } })
  const client = await openDoor({ ...LOOPBACK, io: 'batch' })
  open.push(door, client)
  const [local] = door.locals
  for (let sent = 0; sent < 24 && local !== undefined; sent++) {
    client.send(client.pathTo(local), text('crowd'))
    client.flush()
    await new Promise(setImmediate)
  }
  await all
  expect(Math.max(...counts)).toBeGreaterThan(4)
})

test('an interface that this machine does not have is refused with a clear line', async () => {
  for (const interfaceName of ['no-such-wire', 'a name that no interface can have']) {
    await expect(openDoor({ ...LOOPBACK, io: 'batch', interfaceName })).rejects.toMatchObject({ code: 'address-not-local', parts: { why: `this machine has no interface "${interfaceName}"` } })
  }
})
