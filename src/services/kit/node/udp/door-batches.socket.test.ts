// Many datagrams at once: in-place replies, trains, and the largest datagrams.
import { describe, expect, test } from 'vitest'
import { bytesOf, doorsOver, text, EVERY_IO } from '../testing/doors.ts'

describe.each(EVERY_IO)('a door over %s', io => {
  const { openHere, openListener, openEcho } = doorsOver(io)

  test('each in-place reply goes to the peer it replies to', async () => {
    const server = await openEcho()
    const clients = await Promise.all(Array.from({ length: 20 }, () => openListener()))
    for (let round = 0; round < 10; round++) for (const [number, client] of clients.entries()) client.say(server.local, text(`${number}.${round}`))
    for (const [number, client] of clients.entries()) {
      const answers = await client.receivedAtLeast(10)
      expect(answers.map(answer => answer.text).sort()).toEqual(Array.from({ length: 10 }, (_, round) => `${number}.${round}`))
    }
  })

  test('a datagram without an in-place reply gets none, even if the previous one in its slot had one', async () => {
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

  test('ten thousand datagrams are echoed unchanged', async () => {
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

  test('a datagram that is too large is lost, and only that one', async () => {
    const server = await openListener()
    const client = await openListener()
    const path = client.door.pathTo(server.local)
    for (const bytes of [text('before'), new Uint8Array(65_508), new Uint8Array(70_000), text('after')]) client.door.send(path, bytes)
    client.door.flush()
    expect((await server.receivedAtLeast(2)).map(datagram => datagram.text)).toEqual(['before', 'after'])
  })

  test.each([['one by one', false], ['coalesced', true]])('a train arrives as its datagrams, in order, when received %s', async (_, coalesce) => {
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
    const segments = received.slice(1, -1).map(({ bytes }) => bytes)
    expect(segments.slice(0, -1).every(({ length }) => length === 1200)).toBe(true)
    expect(Buffer.concat(segments).equals(train)).toBe(true)
    expect(received.every(({ path }) => path === received[0]?.path)).toBe(true)
  })

  test.each([['one by one', false], ['coalesced', true]])('replies of equal and of different lengths, to one peer and to another, arrive in order, when received %s', async (_, coalesce) => {
    const server = await openEcho()
    const clients = [await openListener({ coalesce }), await openListener({ coalesce })]
    // A long run of one length leaves as a train, which a shorter datagram ends. A short run does not, nor does a longer datagram.
    const requests = [...Array<number>(20).fill(43), 12, ...Array<number>(9).fill(43), 44, 12, ...Array<number>(8).fill(1_000), ...Array<number>(7).fill(3), 1_232, 5]
      .map((length, index) => new Uint8Array(length).fill(index))
    for (const { door } of clients) {
      for (const bytes of requests) door.send(door.pathTo(server.local), bytes)
      door.flush()
    }
    for (const client of clients) expect((await client.receivedAtLeast(requests.length)).map(({ bytes }) => [...bytes])).toEqual(requests.map(bytes => [...bytes]))
  })

  test('a train of large datagrams arrives, and so does one shorter than a segment', async () => {
    const server = await openListener({ coalesce: true })
    const client = await openListener()
    client.door.sendTrain(client.door.pathTo(server.local), new Uint8Array(120_000).fill(1), 60_000)
    client.door.sendTrain(client.door.pathTo(server.local), new Uint8Array(5).fill(2), 1200)
    client.door.flush()
    expect((await server.receivedAtLeast(3)).map(({ bytes }) => bytes.length)).toEqual([60_000, 60_000, 5])
  })

  test('a timer fires in the middle of a flood', async () => {
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
})
