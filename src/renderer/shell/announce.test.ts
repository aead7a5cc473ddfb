import { expect, test } from 'vitest'
import { changesInWords, type States } from './announce.ts'

const off: States = { dns: 'stopped', dhcp: 'stopped', 'app-server': 'stopped', client: 'stopped' }

test('only what changed is spoken, in start order', () => {
  expect(changesInWords(off, { ...off, client: 'running', dns: 'running' })).toBe('DNS is running. Client is running.')
})

test('states that pass by themselves are not spoken', () => {
  expect(changesInWords(off, { ...off, dns: 'starting', dhcp: 'stopping' })).toBe('')
})

test('a failure is spoken', () => {
  expect(changesInWords({ ...off, dhcp: 'running' }, { ...off, dhcp: 'failed' })).toBe('DHCP failed.')
})
