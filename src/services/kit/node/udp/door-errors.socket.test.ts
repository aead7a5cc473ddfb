// What can go wrong: nobody listening, ports in use, doors that close and receivers that throw.
import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { doorsOver, LOOPBACK, opened, OTHER_OWN, OWN, text, EVERY_IO } from '../testing/doors.ts'
import { freePort } from '../testing/free-port.ts'
import { openDoor } from './open-door.ts'

describe.each(EVERY_IO)('a door over %s', io => {
  const { openHere, openListener, openEcho } = doorsOver(io)

  test('a datagram to a port where nobody listens is lost, and the door keeps working', async () => {
    const client = await openListener()
    const server = await openListener()
    client.say({ address: '127.0.0.1', port: 1 }, text('nobody'))
    client.say({ address: '255.255.255.255', port: 9 }, text('not permitted'))
    client.say(server.local, text('somebody'))
    expect((await server.receivedAtLeast(1))[0]?.text).toBe('somebody')
  })

  test.each([['127.0.0.1', '::1'], ['::1', '127.0.0.1']])('a datagram to a peer of the other address family is lost, and only that one, from %s', async (address, other) => {
    const client = await openListener({ addresses: [address] })
    const server = await openListener({ addresses: [address] })
    client.say({ address: other, port: 9 }, text('to the other family'))
    client.door.sendTrain({ local: client.local, interfaceName: '', peer: { address: other, port: 9 } }, text('a train to it'), 4)
    client.door.flush()
    client.say(server.local, text('to its own'))
    expect((await server.receivedAtLeast(1))[0]?.text).toBe('to its own')
  })

  test('a door with a single peer reports each time that nobody listens there, and receives from the peer once it does', async () => {
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

  test('a door with a single peer receives from no other', async () => {
    const peer = await openListener()
    const attacker = await openListener()
    const client = await openListener({ peer: peer.local })
    attacker.say(client.local, text('forged'))
    client.say(peer.local, text('request'))
    await peer.receivedAtLeast(1)
    peer.say(client.local, text('true'))
    expect((await client.receivedAtLeast(1)).map(datagram => datagram.text)).toEqual(['true'])
  })

  test('the error for a port in use names its owner, and no socket stays open', async () => {
    const { local: { port } } = await openHere({ addresses: [OTHER_OWN] })
    await expect(openDoor({ ...LOOPBACK, io, addresses: [OWN, OTHER_OWN], port }))
      .rejects.toMatchObject({ code: 'port-taken', parts: { why: expect.stringContaining(`(pid ${process.pid})`) } })
    await openHere({ addresses: [OWN], port })
  })

  test('an address of another machine is refused', async () => {
    await expect(openDoor({ ...LOOPBACK, io, addresses: ['192.0.2.1'] })).rejects.toMatchObject({ code: 'address-not-local' })
  })

  test('a wildcard and a single address share a port if both allow it, and only then', async () => {
    const { local: { port } } = await openHere({ addresses: ['0.0.0.0'], sharePort: true })
    await openHere({ port, sharePort: true })
    await expect(openDoor({ ...LOOPBACK, io, port })).rejects.toMatchObject({ code: 'port-taken' })
  })

  test('a door that is closed by its receiver delivers nothing more and sends no reply', async () => {
    let calls = 0
    let closed: () => void
    const isClosed = new Promise<void>(resolve => { closed = resolve })
    const server = await openHere({
      receive(batch) {
        calls++
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
    expect(calls).toBe(1)
  })

  test('sending on a closed door sends nothing and does not throw', async () => {
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

  test('what a receiver throws is an uncaught exception, and the door keeps working', async () => {
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

  test('a receiver\'s ticks and promises run before the next event', async () => {
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

test('a paused door keeps its process alive', () => {
  const script = `
    import { openDoor } from ${JSON.stringify(new URL('open-door.ts', import.meta.url).href)}
    let count = 0
    const door = await openDoor({ addresses: ['127.0.0.1'], port: 0, io: 'batch', pauseMs: 50, receive(batch) {
      count += batch.count
      if (count === 20) door.close().then(() => console.log('all received'))
      else if (count === 10) send(10)
    } })
    const path = door.pathTo(door.locals[0])
    const send = number => { for (let sent = 0; sent < number; sent++) door.send(path, Uint8Array.of(sent)) ; door.flush() }
    send(10)
  `
  expect(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })).toBe('all received\n')
})

test('in a crowd, datagrams that were sent separately are read together', async () => {
  const counts: number[] = []
  let allReceived = () => {}
  const all = new Promise<void>(resolve => { allReceived = resolve })
  const door = await openDoor({ ...LOOPBACK, io: 'batch', pauseMs: 20, receive(batch) {
    counts.push(batch.count)
    if (counts.reduce((sum, count) => sum + count, 0) === 24) allReceived()
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

test('an interface that this machine does not have is refused by name', async () => {
  for (const interfaceName of ['no-such-wire', 'a name that no interface can have']) {
    await expect(openDoor({ ...LOOPBACK, io: 'batch', interfaceName })).rejects.toMatchObject({ code: 'address-not-local', parts: { why: `this machine has no interface "${interfaceName}"` } })
  }
})
