import { expect, test } from 'vitest'
import { assembleJourney, spanOfLease, type Measures, type Timed } from './journey.ts'

const timed = (fromMs: number, tookMs: number): Timed => ({ fromMs, toMs: fromMs + tookMs, tookMs })

const whole: Measures = {
  address: { sentence: '127.0.0.20 was leased from 127.0.0.1', ...timed(0, 3) },
  name: { sentence: 'my-app.home is 127.0.0.1, registered', ...timed(100, 1) },
  connect: { transport: 'rudp', peer: '127.0.0.1:8080', ...timed(101, 2), requests: 1 },
  page: { status: 200, bytes: 12_345, ...timed(103, 8), complete: true },
  failure: undefined,
}

test('a complete journey has four steps, none of them failed', () => {
  expect(assembleJourney(whole).map(({ step, failed }) => [step, failed])).toEqual([['address', false], ['name', false], ['connect', false], ['page', false]])
  expect(assembleJourney(whole).map(({ sentence }) => sentence).slice(2)).toEqual(['RUDP connection to 127.0.0.1:8080 opened in 2.0 ms', 'Status 200, 12 kB, last byte after 8.0 ms'])
})

test('a step has a time span, so that its packets can be found', () => {
  expect(assembleJourney(whole).map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([[0, 3], [100, 101], [101, 103], [103, 111]])
  expect(spanOfLease({ askedAtMs: 50, tookMs: 4 })).toEqual({ fromMs: 50, toMs: 54 })
})

test('a reused connection says so', () => {
  const [, , connect] = assembleJourney({ ...whole, connect: { transport: 'tcp', encrypted: true, peer: '192.0.2.1:80', ...timed(101, 0), requests: 3 } })
  expect(connect?.sentence).toBe('Encrypted TCP connection to 192.0.2.1:80 reused, for its request number 3')
})

test('a journey ends at the step that failed, with the reason', () => {
  const failure = { sentence: 'No address is known for nowhere.home', ...timed(100, 4) }
  const reached = [{ name: undefined, connect: undefined, page: undefined }, { connect: undefined, page: undefined }, { page: undefined }]
  for (const [index, part] of reached.entries()) {
    const steps = assembleJourney({ ...whole, ...part, failure })
    expect(steps.slice(index + 1)).toEqual([{ step: ['name', 'connect', 'page'][index], ...failure, failed: true }])
  }
})

test('an incomplete page is a failed step with the bytes that arrived', () => {
  const page = { status: 200, bytes: 99, ...timed(103, 1), complete: false }
  expect(assembleJourney({ ...whole, page, failure: { sentence: 'lost', ...timed(104, 0) } }).slice(3)).toEqual([
    { step: 'page', ...timed(103, 1), sentence: 'Status 200, but the connection was lost after 99 B', failed: true },
  ])
})
