import { expect, test } from 'vitest'
import { changesInWords, type News, type States } from './announce.ts'

const off: States = { dns: 'stopped', dhcp: 'stopped', 'app-server': 'stopped', client: 'stopped' }
const blank = { url: '', count: 0 }
const inStates = (states: States): News => ({ states, page: blank })

test('only changes are announced, in start order', () => {
  expect(changesInWords(inStates(off), inStates({ ...off, client: 'running', dns: 'running' }))).toBe('DNS is running. Client is running.')
})

test('transitional states are not announced', () => {
  expect(changesInWords(inStates(off), inStates({ ...off, dns: 'starting', dhcp: 'stopping' }))).toBe('')
})

test('a failure is announced', () => {
  expect(changesInWords(inStates({ ...off, dhcp: 'running' }), inStates({ ...off, dhcp: 'failed' }))).toBe('DHCP failed.')
})

test('a page load is announced, even of the same page; of several only the last', () => {
  const before: News = { states: off, page: { url: 'http://my-app.home/', count: 1 } }
  expect(changesInWords(before, { ...before, page: { url: 'http://my-app.home/watch', count: 4 } })).toBe('http://my-app.home/watch loaded.')
  expect(changesInWords(before, { ...before, page: { url: 'http://my-app.home/', count: 2 } })).toBe('http://my-app.home/ loaded.')
  expect(changesInWords(before, before)).toBe('')
})
