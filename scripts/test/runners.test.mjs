import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { at } from '../setup/places.mjs'
import { chosen, runners } from './runners.mjs'

test('every Vitest project has a runner', () => {
  const projects = [...readFileSync(at('vitest.config.ts'), 'utf8').matchAll(/name: '([\w-]+)'/g)].map(match => match[1])
  assert.ok(projects.length > 0)
  assert.deepEqual(projects.filter(project => !runners.some(({ name }) => name === project)), [])
})

test('runners that need the built bundles get the build first; others run alone', () => {
  const names = asked => chosen(asked).map(({ name }) => name)
  assert.deepEqual(names(['e2e', 'unit']), ['unit', 'build', 'e2e'])
  assert.deepEqual(names(['sockets', 'unit']), ['unit', 'sockets'])
  assert.deepEqual(names([]), runners.map(({ name }) => name))
})
