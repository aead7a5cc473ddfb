// What goes wrong: nobody there, taken ports, doors that close and receivers that throw.
import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { doorsOver, LOOPBACK, opened, OTHER_OWN, OWN, text, EVERY_IO } from '../testing/doors.ts'
import { freePort } from '../testing/free-port.ts'
import { openDoor } from './open-door.ts'

describe.each(EVERY_IO)('a door over %s', io => {
  const { openHere, openListener, openEcho } = doorsOver(io)

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
    const peer = { address: '127.0.0.1', port: await freePort() }
    const errors: string[] = []
    let failed: () => void = () => undefined
    const client = await openListener({
      addresses: ['0.0.0.0'], peer,
      onError(error) {
        errors.push((error as NodeJS.ErrnoException).code ?? '')
        failed()
      },
    })
    for (let time = 1; time <= 3; time++) {
      const refused = new Promise<void>(resolve => { failed = resolve })
      client.say(peer, text('?'))
      await refused
    }
    expect(new Set(errors)).toEqual(new Set(['ECONNREFUSED']))
    const server = await openEcho({ port: peer.port })
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
  opened.push(door, client)
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
