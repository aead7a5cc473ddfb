import { expect, test } from 'vitest'
import type { Sample } from '../../services/rudp/core/lab/commands.ts'
import { axisMaximum, axisTicks, lossMarks, sampleAt, samplesIn, scaleOf, stepArea, stepped, stepPath, timeRange, timeTicks } from './plot.ts'

const sample = (atMs: number, windowBytes = 0, lost = 0, ssthreshBytes: number | null = null): Sample =>
  ({ atMs, windowBytes, ssthreshBytes, flightBytes: 0, srttMs: 10, phase: 'slow start', lost, control: '' })
const windowOf = ({ windowBytes }: Sample) => windowBytes
/** One pixel per millisecond and per byte. */
const scale = scaleOf({ fromMs: 0, toMs: 100 }, 100, 100, 100)

test('the plot fills from the left until the span is full, then scrolls with the newest sample', () => {
  expect(timeRange([sample(1000), sample(3000)], 1000, 10_000)).toEqual({ fromMs: 1000, toMs: 11_000 })
  expect(timeRange([sample(29_000), sample(31_000)], 1000, 10_000)).toEqual({ fromMs: 21_000, toMs: 31_000 })
  expect(timeRange([], 1000, 10_000)).toEqual({ fromMs: 1000, toMs: 11_000 })
})

test('a range includes the sample whose values still apply at its start, and none before it', () => {
  const all = [1, 2, 3, 4, 5].map(second => sample(second * 1000))
  expect(samplesIn(all, { fromMs: 2500, toMs: 4500 }).map(({ atMs }) => atMs)).toEqual([2000, 3000, 4000])
  expect(samplesIn(all, { fromMs: 9000, toMs: 9500 }).map(({ atMs }) => atMs)).toEqual([5000])
  expect(samplesIn([], { fromMs: 0, toMs: 1 })).toEqual([])
})

test('the sample at a time is the last one up to that time', () => {
  const all = [sample(10), sample(20), sample(30)]
  expect([5, 10, 29, 99].map(atMs => sampleAt(all, atMs)?.atMs)).toEqual([10, 10, 20, 30])
  expect(sampleAt([], 1)).toBeUndefined()
})

test('the cursor steps forward and back in time, even if several samples have the same time', () => {
  const all = [10, 10, 10, 20, 30, 30].map(atMs => sample(atMs))
  const path = (from: number | undefined, ...steps: number[]) => steps.reduce<(number | undefined)[]>((times, step) => [...times, stepped(all, times[times.length - 1], step)], [from]).slice(1)
  expect(path(10, 1, 1, 1)).toEqual([20, 30, 30])
  expect(path(30, -1, -1, -1)).toEqual([20, 10, 10])
  expect(path(undefined, -1)).toEqual([30])
  expect(stepped([], 1, 1)).toBeUndefined()
})

test('an axis ends at a round number, with ticks at round numbers', () => {
  expect([0, 0.3, 1, 1.01, 14_720, 20_000, 480_000].map(axisMaximum)).toEqual([1, 0.5, 1, 2, 20_000, 20_000, 500_000])
  expect(axisTicks(20_000)).toEqual([0, 5000, 10_000, 15_000, 20_000])
  expect(axisTicks(500)).toEqual([0, 100, 200, 300, 400, 500])
  expect(timeTicks({ fromMs: 23_000, toMs: 33_000 }, 1000).map(({ text }) => text)).toEqual(['22 s', '24 s', '26 s', '28 s', '30 s', '32 s'])
})

test('a line is drawn in steps; growth below half a pixel is left out, a fall never', () => {
  expect(stepPath([sample(0, 10), sample(50, 20), sample(100, 5)], windowOf, scale)).toBe('M0 90H50V80H100V95')
  expect(stepPath([sample(0, 10), sample(0.2, 11), sample(0.3, 5), sample(0.4, 6)], windowOf, scale)).toBe('M0 90H0.3V95')
})

test('a line has gaps where there is no value', () => {
  const ssthreshOf = ({ ssthreshBytes }: Sample) => ssthreshBytes
  expect(stepPath([sample(0), sample(20, 0, 0, 50), sample(40), sample(60, 0, 0, 10)], ssthreshOf, scale)).toBe('M20 50H40M60 90')
  expect(stepPath([sample(0)], ssthreshOf, scale)).toBe('')
})

test('an area is closed at the axis', () => {
  expect(stepArea([sample(10, 10), sample(50, 20)], windowOf, scale)).toBe('M10 90H50V80H50V100H10Z')
  expect(stepArea([], windowOf, scale)).toBe('')
})

test('losses close together share one mark with their sum', () => {
  expect(lossMarks([sample(0, 0, 1), sample(5, 0, 2), sample(8), sample(30, 0, 1)], scale)).toEqual([{ x: 0, lost: 3 }, { x: 30, lost: 1 }])
})
