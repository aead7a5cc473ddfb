import { expect, test } from 'vitest'
import { TraceRing } from '../kit/trace.ts'
import { FilteredAnswers } from './filtered-answers.ts'

test('a flood of filtered names is logged within a rate limit, and logging resumes after a while', () => {
  let nowMs = 0
  const logs: string[] = []
  const clock = { nowMs: () => nowMs, wakeAt: () => () => undefined }
  const filtered = new FilteredAnswers({ clock, trace: new TraceRing(), emit: () => undefined, log: text => logs.push(text) })
  const report = (qname: string) => filtered.report({ name: 'filtered', qname, data: '192.168.1.1', upstream: '192.0.2.53:53' })
  report('first.example')
  expect(logs).toEqual([expect.stringContaining('first.example is 192.168.1.1')])
  for (let index = 0; index < 1000; index++) report(`n${index}.example`)
  expect(logs.length).toBe(20)
  nowMs += 5000
  report('later.example')
  expect(logs.slice(20)).toEqual([expect.stringContaining('later.example')])
})
