import { expect, test } from 'vitest'
import { seededRandom } from '../../../kit/random.ts'
import { ReplayMemory } from './replay-memory.ts'
import { FUDGE_SECONDS } from './tsig.ts'

const macOf = (number: number) => Uint8Array.from([number >>> 16, number >>> 8, number])

test('a request is new once, pending until it is answered, and then answered the same', () => {
  const memory = new ReplayMemory<string>(1000)
  expect(memory.recall(macOf(1), 1000, 1000)).toEqual({ kind: 'new' })
  expect(memory.recall(macOf(1), 1000, 1001)).toEqual({ kind: 'pending' })
  memory.answered(macOf(1), 1000, 'OK')
  expect(memory.recall(macOf(1), 1000, 1002)).toEqual({ kind: 'done', answer: 'OK' })
  expect(memory.recall(macOf(2), 1000, 1002)).toEqual({ kind: 'new' })
})

test('what was signed before the server was started is too old', () => {
  expect(new ReplayMemory(1000).recall(macOf(1), 999, 1000)).toEqual({ kind: 'too-old' })
})

test('after the clock was set back, requests are taken from its new time on, and those of before stay known', () => {
  const memory = new ReplayMemory<string>(100_000)
  memory.recall(macOf(1), 100_001, 100_001)
  memory.answered(macOf(1), 100_001, 'OK')
  expect(memory.recall(macOf(2), 1001, 1001)).toEqual({ kind: 'new' })
  expect([memory.recall(macOf(3), 1000, 1001), memory.recall(macOf(1), 100_001, 100_001)]).toEqual([{ kind: 'too-old' }, { kind: 'done', answer: 'OK' }])
})

test('what was forgotten because its time was over is not new again when the clock is set back', () => {
  const memory = new ReplayMemory<string>(1000, 1)
  memory.recall(macOf(1), 1000, 1000)
  const laterSeconds = 1001 + FUDGE_SECONDS
  expect(memory.recall(macOf(2), laterSeconds, laterSeconds)).toEqual({ kind: 'new' })
  expect(memory.recall(macOf(1), 1000, 1000)).toEqual({ kind: 'too-old' })
})

test('where all are in time, the oldest second goes and is not taken again', () => {
  const memory = new ReplayMemory(1000, 4)
  for (const [mac, second] of [[1, 1001], [2, 1001], [3, 1002], [4, 1002]] as const) memory.recall(macOf(mac), second, 1002)
  expect(memory.recall(macOf(5), 1003, 1003)).toEqual({ kind: 'new' })
  expect(memory.recall(macOf(1), 1001, 1003)).toEqual({ kind: 'too-old' })
  expect(memory.recall(macOf(3), 1002, 1003)).toEqual({ kind: 'pending' })
  expect([memory.recall(macOf(6), 1002, 1003), memory.recall(macOf(7), 1002, 1003)]).toEqual([{ kind: 'new' }, { kind: 'too-old' }])
})

test('what is out of time goes first, and costs the others nothing', () => {
  const memory = new ReplayMemory(1000, 2)
  memory.recall(macOf(1), 1000, 1000)
  memory.recall(macOf(2), 1000 + FUDGE_SECONDS, 1000)
  const laterSeconds = 1001 + FUDGE_SECONDS
  expect(memory.recall(macOf(3), laterSeconds, laterSeconds)).toEqual({ kind: 'new' })
  expect(memory.recall(macOf(4), laterSeconds - FUDGE_SECONDS, laterSeconds)).toEqual({ kind: 'too-old' })
  expect(memory.recall(macOf(2), 1000 + FUDGE_SECONDS, laterSeconds)).toEqual({ kind: 'pending' })
})

test('nothing is done twice, whatever comes in whichever order', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seededRandom(seed)
    const memory = new ReplayMemory<string>(1000, 1 + random.uint32() % 30)
    const done = new Set<string>()
    for (let step = 0; step < 2000; step++) {
      // Now and then the clock is wrong by up to ten minutes, to either side.
      const nowSeconds = 1000 + Math.floor(step / 4) + (random.uint32() % 50 === 0 ? random.uint32() % 1200 - 600 : 0)
      const [mac, second] = [random.uint32() % 20, nowSeconds - 20 + random.uint32() % 40]
      if (memory.recall(macOf(mac), second, nowSeconds).kind !== 'new') continue
      expect(done.has(`${mac} ${second}`), `seed ${seed}`).toBe(false)
      done.add(`${mac} ${second}`)
    }
  }
})
