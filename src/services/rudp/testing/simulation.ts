/**
 * Transfers over a simulated bottleneck, in virtual time: what share of the link a controller gets, how several share
 * it, and how many round trips a page takes. Exact and reproducible by seed. The benchmark prints the results; tests
 * check bounds.
 */
import type { LinkConditions } from '../../kit/link.ts'
import type { CongestionName } from '../core/congestion/congestion.ts'
import type { Visit } from '../core/encryption/connection-encryption.ts'
import type { Connection } from '../core/connection.ts'
import { Pair, type PairOptions } from './pair.ts'
import { readAll } from './transfer.ts'
import type { Stream } from '../core/stream.ts'

/** The headers of IP and UDP, which the link carries too. */
const IP_UDP_BYTES = 28
const PAGE_BYTES = 30_000

export interface Bottleneck extends Partial<LinkConditions> {
  readonly rateBitsPerSecond: number
  readonly rttMs: number
  /** The length of the queue, in bandwidth-delay products. */
  readonly queueBdp?: number
  /** How often, and for how long, the programs at the ends pause. */
  readonly pauses?: PairOptions['pauses']
}

export interface Share {
  /** The payload that arrived, as a fraction of what the link could have carried, IP headers included. */
  readonly goodput: number
  /** IP bytes that the server sent for each byte that arrived. */
  readonly wire: number
  /** IP bytes that the client sent for each byte that arrived. */
  readonly acks: number
  /** The median time that packets waited in the queue, after the first two seconds. */
  readonly queueMs: number
}

function linkOf({ rateBitsPerSecond, rttMs, queueBdp = 1, pauses: _pauses, ...rest }: Bottleneck): Partial<LinkConditions> {
  return { ...rest, delayMs: rttMs / 2, rateBitsPerSecond, queueBytes: Math.max(3000, rateBitsPerSecond * rttMs / 8000 * queueBdp), overheadBytes: IP_UDP_BYTES }
}

/** Writes until the stream is full. */
function fill(stream: Stream): void {
  while (stream.write(ZEROS) === ZEROS.length);
}
const ZEROS = new Uint8Array(256 * 1024)

/** A period in which nothing that the server sends gets through. */
interface Outage {
  readonly fromMs: number
  readonly toMs: number
}

/** Measures one flow: the server sends as much as it can for this duration. */
export function measureShare(congestion: CongestionName, bottleneck: Bottleneck, durationMs: number, seed = 1, outage?: Outage): Share {
  const { shares, wireBytes, ackBytes, queueMs } = run([{ congestion, startMs: 0 }], bottleneck, durationMs, seed, outage)
  const [arrived = 0] = shares
  return { goodput: arrived * 8000 / bottleneck.rateBitsPerSecond / durationMs, wire: wireBytes / arrived, acks: ackBytes / arrived, queueMs }
}

/**
 * Measures several flows over one bottleneck, each starting a second after the previous.
 * @returns the share of the link that each got, counted from the start of the last
 */
export function measureFairness(controllers: readonly CongestionName[], bottleneck: Bottleneck, durationMs: number, seed = 1): { readonly shares: readonly number[]; readonly jain: number } {
  const { shares } = run(controllers.map((congestion, index) => ({ congestion, startMs: 1000 * index })), bottleneck, durationMs, seed)
  const togetherMs = durationMs - 1000 * (controllers.length - 1)
  const parts = shares.map(bytes => bytes * 8000 / bottleneck.rateBitsPerSecond / togetherMs)
  const sum = parts.reduce((total, part) => total + part, 0)
  return { shares: parts, jain: sum ** 2 / (parts.length * parts.reduce((total, part) => total + part ** 2, 0)) }
}

interface Flow {
  readonly congestion: CongestionName
  readonly startMs: number
}

function run(flows: readonly Flow[], bottleneck: Bottleneck, durationMs: number, seed: number, outage?: Outage) {
  const arrived = new Map<Connection, number>()
  let counts = true
  let wireBytes = 0
  let ackBytes = 0
  const queueMs: number[] = []
  const pair = new Pair({
    seed, link: linkOf(bottleneck), pauses: bottleneck.pauses, limits: { streamBufferBytes: 4 * 1024 * 1024, connectionBufferBytes: 8 * 1024 * 1024 },
    tap(from, bytes): boolean {
      if (from === 'server') wireBytes += bytes.length + IP_UDP_BYTES
      else ackBytes += bytes.length + IP_UDP_BYTES
      if (from === 'server' && pair.nowMs > 2000) queueMs.push(pair.server.link.queuedMs(pair.nowMs))
      return from !== 'server' || outage === undefined || pair.nowMs < outage.fromMs || pair.nowMs >= outage.toMs
    },
    onEvent(side, event) {
      if (side === 'server' && event.kind === 'accepted') event.connection.setCongestion(flows[arrived.size - 1]?.congestion ?? 'bbr')
      if (side === 'client' && event.kind === 'connected') event.connection.openStream()?.write(ONE)
      if (side === 'server' && event.kind === 'stream') fill(event.stream)
      if (event.kind !== 'stream-event') return
      if (side === 'server' && event.event.kind === 'writable') fill(event.stream)
      if (side !== 'client' || event.event.kind !== 'readable') return
      const bytes = readAll(event.stream).length
      if (counts) arrived.set(event.connection, (arrived.get(event.connection) ?? 0) + bytes)
    },
  })
  for (const { startMs } of flows) {
    counts = false
    while (pair.nowMs < startMs && pair.step());
    counts = true
    arrived.set(pair.connect(), 0)
  }
  while (pair.nowMs < durationMs && pair.step());
  queueMs.sort((one, other) => one - other)
  return { shares: [...arrived.values()], wireBytes, ackBytes, queueMs: queueMs[queueMs.length >> 1] ?? 0 }
}
const ONE = Uint8Array.of(1)

/**
 * Loads a page of 30 KB with a request of 300 bytes, on a new connection or with a token from an earlier visit.
 * @returns the durations in round trips, sorted
 */
export function measurePages(bottleneck: Bottleneck, count: number, visited: boolean, seed = 1): number[] {
  const times: number[] = []
  for (let index = 0; index < count; index++) {
    let doneAtMs = Infinity
    let visit: Visit | undefined
    const pair = new Pair({
      seed: seed * 1000 + index, link: linkOf(bottleneck),
      onEvent(side, event) {
        if (side === 'client' && event.kind === 'token') visit ??= event
        if (side === 'client' && event.kind === 'connected') {
          const stream = event.connection.openStream()
          stream?.write(ZEROS.subarray(0, 300))
          stream?.end()
        }
        if (event.kind !== 'stream-event' || event.event.kind !== 'readable') return
        readAll(event.stream)
        if (!event.stream.drained) return
        if (side === 'client') doneAtMs = pair.nowMs
        else {
          event.stream.write(ZEROS.subarray(0, PAGE_BYTES))
          event.stream.end()
        }
      },
    })
    const load = (): number => {
      const startMs = pair.nowMs
      doneAtMs = Infinity
      pair.connect(visit)
      pair.run(() => doneAtMs < Infinity, 20_000)
      return (doneAtMs - startMs) / bottleneck.rttMs
    }
    const first = load()
    if (visited) pair.run(() => visit !== undefined, 1000)
    if (visited) pair.wait(5000)
    times.push(visited ? load() : first)
  }
  return times.sort((one, other) => one - other)
}
