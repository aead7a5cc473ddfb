// Malformed input to a running `hamlet dns`: it must keep running, answer others, and never amplify an attacker's traffic.
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { below, seededRandom, type Random } from '../../src/services/kit/random.ts'
import { addressIn, encodeQuery, TYPE_A, TYPE_TXT } from '../support/dns-bytes.ts'
import { startDns, type RunningDns } from '../support/dns-server.ts'
import { emptyFolder } from '../support/hamlet.ts'
import { malformedMessage } from '../support/malformed-dns.ts'
import { askByUdp, askBytesByUdp } from '../support/udp.ts'

const SEED = 20_260
const PACKETS = 100_000
/** Sent at once: less than the receive buffer holds, so that all of them arrive. */
const BURST = 100
/** Over TCP, a burst is spread over several connections. Some messages get no answer, so each connection sends fewer than may be outstanding. */
const CONNECTIONS = 4
const MESSAGES_A_CONNECTION = 50
/**
 * Memory must stay flat. The heap is limited, so a leak in it ends the process; and total memory may grow only this much once caches, rings
 * and compiled code are in place. A leak of 1 KB per message is detected.
 */
const HEAP_MEGABYTES_MAX = 96
const SETTLED_AFTER = 30_000
const GROWTH_MEGABYTES_MAX = 64
const LONG_TEXTS = 20
/** A registered name, one with more data than fits a datagram, one of another server, and one that does not exist. */
const QNAMES = ['good.home', 'long.home', 'www.example.org', 'nobody.home']

let server: RunningDns
let upstream: Socket

beforeAll(async () => {
  upstream = hostileUpstream(seededRandom(SEED))
  upstream.bind(0, '127.0.0.1')
  await once(upstream, 'listening')
  const environment = { NODE_OPTIONS: `--max-old-space-size=${HEAP_MEGABYTES_MAX}` }
  server = await startDns(emptyFolder(), ['--upstream', `127.0.0.1:${upstream.address().port}`], { environment })
  expect(await askByUdp(server.adminPort, 'REGISTER good.home 192.0.2.1')).toMatch(/^OK /)
  for (let n = 0; n < LONG_TEXTS; n++) expect(await askByUdp(server.adminPort, `REGISTER long.home TXT "${String(n).padStart(200, '.')}"`)).toMatch(/^OK /)
})
afterAll(async () => {
  upstream.close()
  await server.dns.stop('SIGKILL')
})

/** Answers each query with nonsense, three times. */
function hostileUpstream(random: Random): Socket {
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    for (let n = 0; n < 3; n++) {
      const nonsense = Buffer.from(malformedMessage(random, query.readUInt16BE(0), QNAMES))
      if (nonsense.length > 2) nonsense.writeUInt8(nonsense.readUInt8(2) | 0x80, 2)
      socket.send(nonsense, port, address)
    }
  })
  return socket
}

/** Also proves that everything sent before has been processed: the datagrams of one socket are taken in order. */
async function expectAlive(): Promise<void> {
  expect(addressIn(await askBytesByUdp(server.port, encodeQuery(4711, 'good.home', TYPE_A)))).toBe('192.0.2.1')
}

function residentMegabytes(): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.dns.pid}/status`, 'utf8'))?.[1]) / 1024
}

/** Sends all packets, one burst at a time. `send` returns when the burst has been processed. */
async function expectFlatMemory(burstLength: number, send: (burst: readonly number[]) => Promise<void>): Promise<void> {
  let settledMegabytes = Infinity
  for (let first = 0; first < PACKETS; first += burstLength) {
    await send(Array.from({ length: burstLength }, (_, index) => first + index))
    if (first === SETTLED_AFTER) settledMegabytes = residentMegabytes()
  }
  expect(residentMegabytes() - settledMegabytes).toBeLessThan(GROWTH_MEGABYTES_MAX)
}

test('a response over UDP has at most 512 octets, or 1,232 with EDNS, however much data there is', async () => {
  for (const [ednsBytes, limit] of [[undefined, 512], [0, 512], [512, 512], [1232, 1232], [4096, 1232], [65_535, 1232]] as const) {
    const answer = await askBytesByUdp(server.port, encodeQuery(1, 'long.home', TYPE_TXT, ednsBytes))
    expect(answer.length).toBeLessThanOrEqual(limit)
    expect(answer.readUInt8(2) & 0x02, 'TC').toBe(0x02)
  }
})

test(`${PACKETS} malformed datagrams: it keeps running, its memory stays flat, no response is too large, and no response is answered`, async () => {
  const random = seededRandom(SEED)
  const sent: Buffer[] = []
  const complaints: string[] = []
  let answers = 0
  // One socket per 65,536 packets, so that socket and id identify the packet of a response.
  const sockets = Array.from({ length: Math.ceil(PACKETS / 65_536) }, (_, index) => createSocket('udp4').on('message', (answer: Buffer) => {
    answers++
    const packet = sent[index * 65_536 + answer.readUInt16BE(0)]
    const complain = (what: string) => complaints.push(`${what}: ${packet?.toString('hex').slice(0, 400)} → ${answer.toString('hex').slice(0, 400)}`)
    if (packet === undefined) complain('a response to nothing')
    else if ((packet.readUInt8(2) & 0x80) !== 0) complain('a response to a response')
    else if (answer.length > (packet.includes(Buffer.from([0, 0, 41])) ? 1232 : 512)) complain(`${answer.length} octets`)
    if ((answer.readUInt8(2) & 0x80) === 0) complain('a query')
  }))
  await expectFlatMemory(BURST, async burst => {
    for (const n of burst) {
      const packet = sent[n] = Buffer.from(malformedMessage(random, n & 0xffff, QNAMES))
      sockets[n >> 16]?.send(packet, server.port, '127.0.0.1')
    }
    await expectAlive()
  })
  for (const socket of sockets) socket.close()
  expect(complaints).toEqual([])
  expect(answers).toBeGreaterThan(PACKETS / 10)
})

test(`${PACKETS} malformed messages over TCP: it keeps running, its memory stays flat, and no response is answered`, async () => {
  const random = seededRandom(SEED + 1)
  let answeredAfterNonsense = 0
  const talkNonsense = async () => {
    const messages = Array.from({ length: MESSAGES_A_CONNECTION }, (_, id) => malformedMessage(random, id, QNAMES))
    const answers = await converse([...messages, encodeQuery(MESSAGES_A_CONNECTION, 'good.home', TYPE_A)], MESSAGES_A_CONNECTION)
    for (const answer of answers) expect((messages[answer.readUInt16BE(0)]?.readUInt8(2) ?? 0) & 0x80, 'no response to a response').toBe(0)
    if (answers.some(answer => answer.readUInt16BE(0) === MESSAGES_A_CONNECTION && addressIn(answer) === '192.0.2.1')) answeredAfterNonsense++
  }
  await expectFlatMemory(CONNECTIONS * MESSAGES_A_CONNECTION, async () => {
    await Promise.all(Array.from({ length: CONNECTIONS }, talkNonsense))
    await expectAlive()
  })
  // It may close a connection that sends nonsense, but not every one.
  expect(answeredAfterNonsense).toBeGreaterThan(0)
})

/** Sends messages on one connection. @returns the responses up to the one with `lastId`, or up to the end */
function converse(messages: readonly Buffer[], lastId: number): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const answers: Buffer[] = []
    let unread = Buffer.alloc(0)
    const socket = connect(server.port, '127.0.0.1')
    const done = () => {
      socket.destroy()
      resolve(answers)
    }
    socket.on('data', chunk => {
      unread = Buffer.concat([unread, chunk])
      while (unread.length >= 2 && unread.length >= 2 + unread.readUInt16BE(0)) {
        const answer = unread.subarray(2, 2 + unread.readUInt16BE(0))
        unread = unread.subarray(2 + answer.length)
        answers.push(answer)
        if (answer.readUInt16BE(0) === lastId) return done()
      }
    })
    socket.on('close', done)
    socket.on('error', (error: NodeJS.ErrnoException) => error.code === 'ECONNRESET' || error.code === 'EPIPE' ? done() : reject(error))
    socket.write(Buffer.concat(messages.map(message => Buffer.concat([Buffer.from([message.length >> 8, message.length & 0xff]), message]))))
  })
}

test(`${PACKETS} malformed admin lines: each gets one reply line that begins with OK or ERROR, or none`, async () => {
  const random = seededRandom(SEED + 2)
  const complaints: string[] = []
  let replies = 0
  const socket = createSocket('udp4').on('message', (reply: Buffer) => {
    replies++
    if (!/^(OK|ERROR) [^\n]*\n?$/.test(reply.toString()) || reply.length > 1200) complaints.push(reply.toString().slice(0, 400))
  })
  await expectFlatMemory(BURST, async burst => {
    for (const _ of burst) socket.send(malformedLine(random), server.adminPort, '127.0.0.1')
    expect(await askByUdp(server.adminPort, 'FLUSH')).toMatch(/^OK \d+ cached/)
  })
  expect(await askByUdp(server.adminPort, 'REGISTER probe.home 192.0.2.2')).toMatch(/^OK probe\.home/)
  await expectAlive()
  socket.close()
  expect(complaints).toEqual([])
  expect(replies).toBeGreaterThan(PACKETS / 10)
})

/** A line with a wrong byte, words in random order, or noise. */
function malformedLine(random: Random): Buffer {
  const draw = (limit: number) => below(random, limit)
  const words = ['REGISTER', 'UNREGISTER', 'FLUSH', 'spare.home', 'a..home', '192.0.2.300', '::g', 'TXT', '"', '\\', '\\# 4', 'TYPE65535', 'SOA', 'ANY', 'OK', 'ERROR', '\u0000', '(', ';', '\n', 'x'.repeat(300)]
  const noise = () => Buffer.from(Array.from({ length: draw(200) }, () => draw(256)))
  const shuffled = () => Buffer.from(Array.from({ length: draw(8) }, () => words[draw(words.length)]).join(' '))
  const mangled = () => {
    const line = Buffer.from('REGISTER mangled.home 192.0.2.3')
    line.writeUInt8(draw(256), draw(line.length))
    return line
  }
  return [noise, shuffled, mangled, () => Buffer.concat([mangled(), noise()])][draw(4)]?.() ?? noise()
}
