import { expect, test } from 'vitest'
import { TraceRing } from '../kit/trace.ts'
import type { Binding } from './core/binding.ts'
import { Reporting } from './reporting.ts'

test('of a burst of events the first are emitted and the others counted, and the count is emitted in the next second', () => {
  let nowMs = 0
  const emitted: { name: string; data: unknown }[] = []
  const reporting = new Reporting({
    clock: { nowMs: () => nowMs, wakeAt: () => () => undefined }, trace: new TraceRing(), setRow: () => undefined, emit: (name, data) => emitted.push({ name, data }),
  }, () => undefined)
  const refuse = () => reporting.report({ kind: 'refused', client: '02:00:5e:00:00:01', why: 'the pool is empty' })
  for (let count = 0; count < 250; count++) refuse()
  expect(emitted.map(({ name }) => name)).toEqual(new Array(200).fill('refused'))
  nowMs = 1000
  refuse()
  expect(emitted.slice(200)).toEqual([{ name: 'untold', data: { events: 50 } }, { name: 'refused', data: { client: '02:00:5e:00:00:01', why: 'the pool is empty' } }])
})

test('the table shows the leases of the networks that are served now, and no others', () => {
  const binding = (yiaddr: number): Binding => ({ yiaddr, state: 'leased', client: { key: '01', mac: '02:00:5e:00:00:01', hostName: '' }, expiresAtMs: 1, held: true, vacant: true })
  let taken = [binding(1), binding(2)]
  const rows = new Set<string>()
  const reporting = new Reporting({
    clock: { nowMs: () => 0, wakeAt: () => () => undefined }, trace: new TraceRing(), emit: () => undefined, setRow: (key, row) => void (row === undefined ? rows.delete(key) : rows.add(key)),
  }, yiaddr => taken.find(one => one.yiaddr === yiaddr))
  for (const now of [[1, 2], [2], [], [1, 3]]) {
    taken = now.map(binding)
    reporting.refresh(taken)
    expect([...rows].sort()).toEqual(now.map(yiaddr => `0.0.0.${yiaddr}`))
  }
})
