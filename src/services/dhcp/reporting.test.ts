import { expect, test } from 'vitest'
import { TraceRing } from '../kit/trace.ts'
import { Reporting } from './reporting.ts'

test('of a crowd of events the first are told and the others counted, and the count is told when there is room again', () => {
  let nowMs = 0
  const told: { name: string; data: unknown }[] = []
  const reporting = new Reporting({
    clock: { nowMs: () => nowMs, wakeAt: () => () => undefined }, trace: new TraceRing(), setRow: () => undefined, emit: (name, data) => told.push({ name, data }),
  }, () => undefined)
  const refuse = () => reporting.report({ kind: 'refused', client: '02:00:5e:00:00:01', why: 'the pool is empty' })
  for (let count = 0; count < 250; count++) refuse()
  expect(told.map(({ name }) => name)).toEqual(new Array(200).fill('refused'))
  nowMs = 1000
  refuse()
  expect(told.slice(200)).toEqual([{ name: 'untold', data: { events: 50 } }, { name: 'refused', data: { client: '02:00:5e:00:00:01', why: 'the pool is empty' } }])
})
