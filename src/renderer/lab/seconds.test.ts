import { expect, test } from 'vitest'
import type { Sample } from '../../services/rudp/core/lab/commands.ts'
import { secondsOf } from './seconds.ts'

const sample = (atMs: number, windowBytes: number, lost = 0): Sample => ({ atMs, windowBytes, ssthreshBytes: windowBytes / 2, flightBytes: windowBytes - 1, srttMs: atMs / 100, phase: '', lost, control: '' })

test('a second has its smallest and largest window, its most bytes in flight, all its losses, and the rest as at its end', () => {
  expect(secondsOf([sample(5000, 10), sample(5500, 40, 2), sample(5999, 20, 1), sample(7100, 30)], 5000)).toEqual([
    { number: 2, leastBytes: 30, mostBytes: 30, ssthreshBytes: 15, flightBytes: 29, srttMs: 71, lost: 0 },
    { number: 0, leastBytes: 10, mostBytes: 40, ssthreshBytes: 10, flightBytes: 39, srttMs: 59.99, lost: 3 },
  ])
})

test('only the last 60 seconds are listed, newest first', () => {
  const seconds = secondsOf(Array.from({ length: 500 }, (_, index) => sample(index * 500, 10)), 0)
  expect([seconds.length, seconds[0]?.number, seconds[59]?.number]).toEqual([60, 249, 190])
})
