// A sender with little data learns little about the path, and must not mistake it for a slow one.
import { expect, test } from 'vitest'
import type { CongestionName } from './congestion/congestion.ts'
import { Pair } from '../testing/pair.ts'
import { opened } from '../testing/connections.ts'
import { readAll, Source } from '../testing/transfer.ts'
import type { Stream } from './stream.ts'

const SMALL_BYTES = 6_000
const LARGE_BYTES = 2_000_000

/**
 * A server that answers requests one after another over 20 Mbit/s and 50 ms.
 * @param restMs between a response and the next request
 */
function answers(congestion: CongestionName, sizes: readonly number[], restMs: number) {
  const sources = new Map<Stream, Source>()
  let isDone = false
  const pair = new Pair({
    seed: 7, congestion, link: { delayMs: 25, rateBitsPerSecond: 20e6, queueBytes: 125_000, overheadBytes: 28 },
    onEvent(side, event) {
      if (event.kind !== 'stream-event') return
      if (event.event.kind === 'writable') sources.get(event.stream)?.resume(event.stream)
      if (event.event.kind !== 'readable') return
      readAll(event.stream)
      if (!event.stream.drained) return
      if (side === 'client') isDone = true
      else {
        const source = new Source(new Uint8Array(sizes[sources.size] ?? 0))
        sources.set(event.stream, source)
        source.resume(event.stream)
      }
    },
  })
  const { client, server } = pair.connected()
  const tookMs = sizes.map(() => {
    const startMs = pair.nowMs
    isDone = false
    const request = opened(client)
    request.write(new Uint8Array(300))
    request.end()
    pair.drain()
    expect(pair.run(() => isDone, 100_000)).toBe(true)
    const endMs = pair.nowMs
    pair.wait(restMs)
    return endMs - startMs
  })
  return { lastMs: tookMs[tookMs.length - 1] ?? 0, windowBytes: server.metrics().windowBytes }
}

const small = (count: number): number[] => Array<number>(count).fill(SMALL_BYTES)

test('bbr sends a large response after many small ones as fast as on a new connection', () => {
  const { lastMs: newMs } = answers('bbr', [LARGE_BYTES], 200)
  // For more than five seconds, the lifetime of a minimum round trip.
  for (const count of [3, 10, 30]) expect(answers('bbr', [...small(count), LARGE_BYTES], 200).lastMs).toBeLessThan(1.1 * newMs)
})

test('bbr keeps the rate that it has found through many small responses and through pauses', () => {
  const { lastMs: againMs } = answers('bbr', [LARGE_BYTES, LARGE_BYTES], 200)
  expect(answers('bbr', [LARGE_BYTES, ...small(30), LARGE_BYTES], 200).lastMs).toBeLessThan(1.1 * againMs)
  expect(answers('bbr', [LARGE_BYTES, ...small(5), LARGE_BYTES], 2000).lastMs).toBeLessThan(1.1 * againMs)
})

test.each(['tahoe', 'reno', 'cubic', 'bbr'] as const)('the window of %s does not grow from responses that do not use it', congestion => {
  expect(answers(congestion, small(30), 200).windowBytes).toBe(answers(congestion, small(1), 200).windowBytes)
})
