import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { at } from '../setup/places.mjs'
import { runners } from './runners.mjs'

test('every Vitest project has its runner', () => {
  const projects = [...readFileSync(at('vitest.config.ts'), 'utf8').matchAll(/name: '([\w-]+)'/g)].map(match => match[1])
  assert.ok(projects.length > 0)
  assert.deepEqual(projects.filter(project => !runners.some(({ name }) => name === project)), [])
})
