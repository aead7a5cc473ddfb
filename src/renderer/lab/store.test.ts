import { expect, test } from 'vitest'
import type { Sample } from '../../services/rudp/core/lab/commands.ts'
import { choose, takeLoaded, useLab, withWatched, type Watching } from './store.ts'

const sample = (atMs: number): Sample => ({ atMs, windowBytes: 1, ssthreshBytes: null, flightBytes: 0, srttMs: 1, phase: '', lost: 0, control: '' })
const nothing: Watching = { connection: undefined, peer: '', samples: [], next: 0 }
const one = '0000000000001'
const other = '0000000000002'

test('samples of the same connection are added, and another one begins anew', () => {
  const first = withWatched(nothing, { connection: one, peer: '192.0.2.1:9', samples: [sample(5)], next: 1 })
  expect(first).toEqual({ connection: one, peer: '192.0.2.1:9', samples: [], next: 0 }) // asked for nobody, answered for somebody
  const second = withWatched(first, { connection: one, peer: '192.0.2.1:9', samples: [sample(5), sample(6)], next: 2 })
  expect(second.samples.map(({ atMs }) => atMs)).toEqual([5, 6])
  expect(withWatched(second, { connection: one, peer: '192.0.2.1:9', samples: [], next: 2 }).samples).toBe(second.samples)
  expect(withWatched(second, { connection: other, peer: '192.0.2.1:10', samples: [sample(7)], next: 3 })).toMatchObject({ connection: other, samples: [], next: 0 })
})

test('a service that was started anew begins anew here too', () => {
  const known: Watching = { connection: one, peer: '', samples: [sample(1)], next: 900 }
  expect(withWatched(known, { connection: one, peer: '', samples: [], next: 3 })).toMatchObject({ samples: [], next: 0 })
})

test('samples are bounded, and the oldest go', () => {
  let watching: Watching = { ...nothing, connection: one }
  for (let reply = 0; reply < 30; reply++) {
    const samples = Array.from({ length: 1000 }, (_, index) => sample(reply * 1000 + index))
    watching = withWatched(watching, { connection: one, peer: '', samples, next: watching.next + 1000 })
  }
  expect(watching.samples.length).toBeLessThanOrEqual(12_000)
  expect(watching.samples.at(-1)?.atMs).toBe(29_999)
})

test('choosing the other end forgets what was known of the first', () => {
  useLab.setState({ chosen: one, watching: { ...nothing, connection: one, samples: [sample(1)] }, isForOne: true })
  choose({ end: 'client' })
  expect(useLab.getState()).toMatchObject({ end: 'client', chosen: undefined, isForOne: false, watching: { samples: [] } })
  choose({ chosen: other })
  expect(useLab.getState()).toMatchObject({ end: 'client', chosen: other })
})

test('a load that is over is told once, and what breaks the contract is not believed', () => {
  useLab.setState({ loading: 1 })
  takeLoaded('loaded', { url: 'rudp://my-app.home/bytes/1', status: 200, bytes: 1, tookMs: 3 })
  takeLoaded('loaded', { url: 7 })
  takeLoaded('journey', { url: 'x', status: 1, bytes: 1, tookMs: 1 })
  expect(useLab.getState()).toMatchObject({ loading: 0, loaded: { status: 200, bytes: 1 } })
})
