import { expect, test } from 'vitest'
import { legendOf, loadSentence, savedSentence, sentenceOf } from './sentences.ts'

const sample = { atMs: 3420, windowBytes: 45_000, ssthreshBytes: null, flightBytes: 40_000, srttMs: 62.4, phase: 'slow start', lost: 0, control: '' }

test('a sample is described in one sentence, with its events', () => {
  expect(sentenceOf(sample, 1000)).toBe('At 2.42 s: window 45 kB, no threshold yet, 40 kB in flight, round trip 62 ms, slow start.')
  expect(sentenceOf({ ...sample, ssthreshBytes: 22_000, lost: 3, control: 'cubic' }, 0)).toBe('At 3.42 s: window 45 kB, threshold 22 kB, 40 kB in flight, round trip 62 ms, slow start, 3 lost, cubic takes over.')
})

test('a round trip that was not measured yet is unknown, not 0', () => {
  expect(sentenceOf({ ...sample, srttMs: 0 }, 0)).toContain('round trip not yet known,')
})

test('a finished load reports its rate, a failed one its reason', () => {
  const loaded = { url: 'rudp://my-app.home/bytes/5000000', status: 200, bytes: 5_000_000, tookMs: 10_000 }
  expect(loadSentence(loaded)).toBe('5.0 MB in 10.0 s: 4.0 Mbit/s.')
  expect(loadSentence({ ...loaded, bytes: 1_200_000, failure: 'stopped' })).toBe('Stopped after 1.2 MB in 10.0 s.')
  expect(loadSentence({ ...loaded, status: 404 })).toBe('rudp://my-app.home/bytes/5000000 returned status 404.')
})

test('saving a qlog that was full says from when events are missing', () => {
  expect(savedSentence('/home/a.qlog', undefined)).toBe('Saved as /home/a.qlog.')
  expect(savedSentence('/home/a.qlog', 4370)).toBe('Saved as /home/a.qlog. The recording was full after 4.4 s; later events are missing.')
})

test('the legend has the latest values and the total losses', () => {
  expect(legendOf({ ...sample, ssthreshBytes: 30_000, lost: 1 }, 3).map(({ value }) => value)).toEqual(['45 kB', '30 kB', '40 kB', '62 ms', '3'])
  expect(legendOf(sample, 0).map(({ value }) => value)).toEqual(['45 kB', 'none yet', '40 kB', '62 ms', '0'])
})
