import { expect, test } from 'vitest'
import { changesInWords, type News, type States } from './announce.ts'

const off: States = { dns: 'stopped', dhcp: 'stopped', 'app-server': 'stopped', client: 'stopped' }
const blank = { url: '', count: 0 }
const inStates = (states: States): News => ({ states, page: blank })

test('only what changed is spoken, in start order', () => {
  expect(changesInWords(inStates(off), inStates({ ...off, client: 'running', dns: 'running' }))).toBe('DNS is running. Client is running.')
})

test('states that pass by themselves are not spoken', () => {
  expect(changesInWords(inStates(off), inStates({ ...off, dns: 'starting', dhcp: 'stopping' }))).toBe('')
})

test('a failure is spoken', () => {
  expect(changesInWords(inStates({ ...off, dhcp: 'running' }), inStates({ ...off, dhcp: 'failed' }))).toBe('DHCP failed.')
})

test('a page that has come is spoken, once for all that came meanwhile, and also where it is the same one again', () => {
  const before: News = { states: off, page: { url: 'http://my-app.home/', count: 1 } }
  expect(changesInWords(before, { ...before, page: { url: 'http://my-app.home/watch', count: 4 } })).toBe('http://my-app.home/watch has come.')
  expect(changesInWords(before, { ...before, page: { url: 'http://my-app.home/', count: 2 } })).toBe('http://my-app.home/ has come.')
  expect(changesInWords(before, before)).toBe('')
})
