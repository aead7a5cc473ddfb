import { expect, test } from 'vitest'
import { Health } from './health.ts'

test('what is wrong is reported once per change: one part, another part, and nothing any more', () => {
  const reported: (string | undefined)[] = []
  const health = new Health(reason => reported.push(reason))
  health.set('disk', undefined)
  health.set('disk', 'the disk is full')
  health.set('disk', 'the disk is full')
  health.set('name', 'the name is not registered')
  health.set('disk', undefined)
  health.set('name', undefined)
  health.set('name', undefined)
  expect(reported).toEqual(['the disk is full', 'the disk is full; the name is not registered', 'the name is not registered', undefined])
})
