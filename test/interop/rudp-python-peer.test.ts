// Hamlet's RUDP and a Python peer written from docs/rudp.md alone: one suite, every client against every server.
import { execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../src/services/kit/node/clock.ts'
import { secureRandom } from '../../src/services/kit/node/random.ts'
import { TraceRing } from '../../src/services/kit/trace.ts'
import { RudpDialer } from '../../src/services/rudp/dialer.ts'
import { KnownServers } from '../../src/services/rudp/known-servers.ts'
import { listenRudp } from '../../src/services/rudp/listener.ts'
import type { RudpSocket } from '../../src/services/rudp/socket.ts'

const PEER = new URL('rudp_peer.py', import.meta.url).pathname
const around = () => ({ clock: systemClock, random: secureRandom(), trace: new TraceRing(16_384) })
const closers: (() => Promise<unknown>)[] = []
afterEach(async () => { for (const close of closers.splice(0).reverse()) await close() })

/** The application protocol of both peers: see rudp_peer.py. */
const pattern = (length: number) => Buffer.from(Uint8Array.from({ length }, (_, index) => index * 7 + (index >> 8)))
const answerTo = (request: Buffer) => Buffer.concat([Buffer.from(createHash('sha256').update(request.subarray(8)).digest('hex')), pattern(Number(request.subarray(0, 8)))])

async function readAll(socket: RudpSocket): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of socket) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}

interface Exchange {
  readonly bodyBytes: number
  readonly replyBytes: number
  readonly loss: number
  readonly visits: number
  readonly streams: number
  readonly encrypts?: boolean
  /** The Python peer drops every packet, in and out, with the byte at this offset of a stream: only parity can restore it. */
  readonly loseAt?: number
}

const flags = ({ encrypts = false, loseAt }: Exchange) => [...encrypts ? ['--encrypt'] : [], ...loseAt === undefined ? [] : ['--lose-at', String(loseAt)]]

/** Starts a server. @returns its port */
type Serve = (exchange: Exchange) => Promise<number>
/** Sends the requests, and returns the lengths of the correct answers. */
type Ask = (port: number, exchange: Exchange) => Promise<number[]>

const servers: Record<string, Serve> = {
  async hamlet({ encrypts }) {
    const listener = await listenRudp({
      addresses: ['127.0.0.1'], port: 0, encryption: encrypts === true ? { identitySecret: randomBytes(32), acceptsPlain: false } : undefined, ...around(),
      accept: socket => { readAll(socket).then(request => socket.end(answerTo(request)), () => socket.destroy()) },
    })
    closers.push(() => listener.close())
    return listener.locals[0]?.port ?? 0
  },
  async python(exchange) {
    const child = spawn('python3', [PEER, 'serve', '--loss', String(exchange.loss), ...flags(exchange)], { stdio: ['ignore', 'pipe', 'inherit'] })
    closers.push(async () => {
      if (child.exitCode !== null) return
      child.kill()
      await once(child, 'exit')
    })
    const [line] = await once(child.stdout, 'data')
    return Number(/listening on (\d+)/.exec(String(line))?.[1])
  },
}

const clients: Record<string, Ask> = {
  async hamlet(port, { bodyBytes, replyBytes, visits, streams, encrypts }) {
    const folder = await mkdtemp(join(tmpdir(), 'hamlet-interop-'))
    closers.push(() => rm(folder, { recursive: true }))
    const dialer = new RudpDialer({ ...around(), keepMs: 0, encryption: encrypts === true ? new KnownServers(folder, () => undefined) : undefined })
    closers.push(() => dialer.close())
    const request = Buffer.concat([Buffer.from(String(replyBytes).padStart(8, '0')), pattern(bodyBytes)])
    const lengths: number[] = []
    for (let visit = 0; visit < visits; visit++) {
      lengths.push(...await Promise.all(Array.from({ length: streams }, async () => {
        const socket = await dialer.dial({ address: '127.0.0.1', port }, { early: true })
        socket.end(request)
        const answer = await readAll(socket)
        expect(answer.equals(answerTo(request))).toBe(true)
        return answer.length
      })))
    }
    return lengths
  },
  async python(port, exchange) {
    const { bodyBytes, replyBytes, loss, visits, streams } = exchange
    const numbers = [port, bodyBytes, replyBytes].map(String)
    const { stdout } = await promisify(execFile)('python3', [PEER, 'ask', ...numbers, '--loss', String(loss), '--visits', String(visits), '--streams', String(streams), ...flags(exchange)])
    return [...stdout.matchAll(/got (\d+) bytes/g)].map(([, length]) => Number(length))
  },
}

const exchanges: { what: string; exchange: Exchange }[] = [
  { what: 'a small request', exchange: { bodyBytes: 10, replyBytes: 100, loss: 0, visits: 1, streams: 1 } },
  { what: 'an empty body and answer', exchange: { bodyBytes: 0, replyBytes: 0, loss: 0, visits: 1, streams: 1 } },
  { what: 'a body and an answer larger than every window', exchange: { bodyBytes: 1_500_000, replyBytes: 1_500_000, loss: 0, visits: 1, streams: 1 } },
  { what: 'ten concurrent streams', exchange: { bodyBytes: 20_000, replyBytes: 20_000, loss: 0, visits: 1, streams: 10 } },
  { what: 'return visits', exchange: { bodyBytes: 100, replyBytes: 5000, loss: 0, visits: 3, streams: 1 } },
  { what: 'a tenth of all packets lost', exchange: { bodyBytes: 150_000, replyBytes: 150_000, loss: 0.1, visits: 1, streams: 2 } },
  { what: 'a packet of a page never arrives', exchange: { bodyBytes: 30_000, replyBytes: 30_000, loss: 0, visits: 1, streams: 1, loseAt: 12_000 } },
  { what: 'a packet of an encrypted page never arrives', exchange: { bodyBytes: 30_000, replyBytes: 30_000, loss: 0, visits: 1, streams: 1, loseAt: 12_000, encrypts: true } },
  { what: 'the end of the longest page with parity never arrives', exchange: { bodyBytes: 65_528, replyBytes: 65_472, loss: 0, visits: 1, streams: 1, loseAt: 65_535 } },
  { what: 'an encrypted request', exchange: { bodyBytes: 10, replyBytes: 100, loss: 0, visits: 1, streams: 1, encrypts: true } },
  { what: 'an encrypted body and answer larger than every window', exchange: { bodyBytes: 1_500_000, replyBytes: 1_500_000, loss: 0, visits: 1, streams: 1, encrypts: true } },
  { what: 'encrypted return visits', exchange: { bodyBytes: 100, replyBytes: 5000, loss: 0, visits: 3, streams: 1, encrypts: true } },
  { what: 'a tenth of all encrypted packets lost', exchange: { bodyBytes: 150_000, replyBytes: 150_000, loss: 0.1, visits: 1, streams: 2, encrypts: true } },
]
const pairs = [['hamlet', 'hamlet'], ['hamlet', 'python'], ['python', 'hamlet'], ['python', 'python']] as const
const cases = pairs.flatMap(([client, server]) => exchanges.map(({ what, exchange }) => ({ client, server, what, exchange })))

test.each(cases)('$client client, $server server: $what', async ({ client, server, exchange }) => {
  const port = await servers[server]?.(exchange) ?? 0
  const lengths = await clients[client]?.(port, exchange)
  expect(lengths).toEqual(Array(exchange.visits * exchange.streams).fill(64 + exchange.replyBytes))
})
