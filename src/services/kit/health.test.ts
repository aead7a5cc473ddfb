import { expect, test } from 'vitest'
import { Health } from './health.ts'

test('what is wrong is told when it changes and not again: one part, another, and that all is well', () => {
  const told: (string | undefined)[] = []
  const health = new Health(reason => told.push(reason))
  health.set('disk', undefined)
  health.set('disk', 'the disk is full')
  health.set('disk', 'the disk is full')
  health.set('name', 'the name is not registered')
  health.set('disk', undefined)
  health.set('name', undefined)
  health.set('name', undefined)
  expect(told).toEqual(['the disk is full', 'the disk is full; the name is not registered', 'the name is not registered', undefined])
})
