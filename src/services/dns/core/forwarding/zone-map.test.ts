import { expect, test } from 'vitest'
import { ZoneMap } from './zone-map.ts'

test('the longest zone wins regardless of case, and only at label boundaries', () => {
  const zones = new ZoneMap<string>()
  zones.set('Example.org', 'short')
  zones.set('deep.example.ORG', 'long')
  const match = (name: string) => zones.longestMatch(name)?.value
  expect(['example.org', 'a.EXAMPLE.org', 'deep.example.org', 'x.y.deep.example.org', 'notexample.org', 'org', '.', String.raw`a\.example.org`].map(match))
    .toEqual(['short', 'short', 'long', 'long', undefined, undefined, undefined, undefined])
})

test('the root matches what no other zone matches', () => {
  const zones = new ZoneMap<string>()
  zones.set('.', 'root')
  zones.set('example.org', 'zone')
  expect([zones.longestMatch('example.com')?.value, zones.longestMatch('.')?.value, zones.longestMatch('a.example.org')?.zone, zones.exactly('a.example.org')]).toEqual(['root', 'root', 'example.org', undefined])
})
