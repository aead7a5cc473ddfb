import { Writable } from 'node:stream'
import { expect, test, vi } from 'vitest'
import { systemClock } from '../kit/node/clock.ts'
import { secureRandom } from '../kit/node/random.ts'
import { TraceRing } from '../kit/trace.ts'
import { fetchUrl } from './fetch.ts'

const never = () => new Promise<never>(() => undefined)
const environment = { clock: systemClock, random: secureRandom(), trace: new TraceRing(), output: () => new Writable() }

test.each([['the name is being resolved', { resolve: never }], ['the DNS server is being chosen', { choose: never }]])('a fetch is aborted at once while %s', async (_when, waiting) => {
  const gone = new AbortController()
  const fetched = fetchUrl('rudp://x.home/', { ...waiting, signal: gone.signal, ...environment })
  gone.abort()
  await expect(fetched).rejects.toMatchObject({ code: 'connection-lost' })
})

test('a fetch that was aborted before it began resolves nothing', async () => {
  const gone = new AbortController()
  gone.abort()
  const resolve = vi.fn(never)
  await expect(fetchUrl('http://x.home/', { resolve, signal: gone.signal, ...environment })).rejects.toMatchObject({ code: 'connection-lost' })
  expect(resolve).not.toHaveBeenCalled()
})
