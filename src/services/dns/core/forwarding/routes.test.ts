import { expect, test } from 'vitest'
import { TYPE } from '../../wire/types.ts'
import { createRoutes, parseForwarding, routeFor } from './routes.ts'
import { parseUpstream } from './upstream.ts'

const routes = (...forward: string[]) => createRoutes([parseUpstream('192.0.2.53')], forward.map(parseForwarding))
const askedFor = (name: string, ...forward: string[]) => routes(...forward).longestMatch(name)?.value?.members.map(({ upstream }) => upstream.title)

test('the most specific zone wins, and may have several servers', () => {
  const forward = ['example.org=192.0.2.1', 'deep.example.org=192.0.2.2:5353', 'EXAMPLE.org=tls://192.0.2.3#dns.example.org', 'shut.example.org=', 'closed.example.org=-']
  expect(['a.example.org', 'a.deep.EXAMPLE.org', 'example.com', 'a.shut.example.org', 'closed.example.org'].map(name => askedFor(name, ...forward)))
    .toEqual([['192.0.2.1:53', 'tls://192.0.2.3:853'], ['192.0.2.2:5353'], ['192.0.2.53:53'], undefined, undefined])
})

test.each([
  '64.100.in-addr.arpa', '1.2.100.100.in-addr.arpa', '127.100.in-addr.arpa', '_dns.resolver.arpa', 'gnunet.alt', 'lb._dns-sd._udp.default.service.arpa', 'x.6tisch.arpa',
  'noob.eap-noob.arpa', 'portal.eap.arpa', 'x.onion', '1.0.0.0.f.f.f.3.ip6.arpa',
])('%s is not forwarded', name => {
  expect(createRoutes([parseUpstream('192.0.2.1')]).longestMatch(name)?.value).toBeUndefined()
})

test.each(['63.100.in-addr.arpa', '128.100.in-addr.arpa', '100.in-addr.arpa', 'x.alternative', 'my.alt.example', 'example.com', '1.0.0.0.e.f.f.3.ip6.arpa', '170.0.0.192.in-addr.arpa'])('%s goes to the upstreams', name => {
  expect(createRoutes([parseUpstream('192.0.2.1')]).longestMatch(name)?.value).toBeDefined()
})

test('only the DS of a private zone goes to the servers of its parent, if the parent has any', () => {
  const asked = (name: string, type: number, ...forward: string[]) => routeFor(routes(...forward), name, type).value?.zone
  const titles = (type: number) => ['home.arpa', 'Home.ARPA', '10.in-addr.arpa', 'x.home.arpa', 'test', 'onion', 'localhost'].map(name => asked(name, type))
  expect(titles(TYPE.DS)).toEqual(['.', '.', '.', undefined, undefined, undefined, undefined])
  expect(titles(TYPE.NS)).toEqual([undefined, undefined, undefined, undefined, undefined, undefined, undefined])
  expect([asked('home.arpa', TYPE.DS, 'arpa=192.0.2.1'), asked('home.arpa', TYPE.DS, 'arpa='), asked('home.arpa', TYPE.DS, 'home.arpa=192.0.2.1')]).toEqual(['arpa', undefined, 'home.arpa'])
  expect(routeFor(createRoutes([]), 'home.arpa', TYPE.DS)).toEqual({ zone: 'home.arpa', value: undefined })
})

test('private names are not forwarded unless a server is set for them', () => {
  expect(askedFor('1.1.168.192.in-addr.arpa')).toBeUndefined()
  expect(askedFor('1.1.168.192.in-addr.arpa', '1.168.192.in-addr.arpa=192.0.2.1')).toEqual(['192.0.2.1:53'])
  expect(askedFor('1.2.168.192.in-addr.arpa', '1.168.192.in-addr.arpa=192.0.2.1')).toBeUndefined()
  expect(askedFor('1.1.168.192.in-addr.arpa', 'in-addr.arpa=192.0.2.1')).toBeUndefined()
  expect(askedFor('a.local', 'local=192.0.2.1')).toEqual(['192.0.2.1:53'])
})

test.each(['example.org', '=192.0.2.1', 'example.org=dns.example.org', 'home=192.0.2.1', 'a.home=192.0.2.1', '.=192.0.2.1', 'a..b=192.0.2.1'])('"%s" is refused', text => {
  expect(() => parseForwarding(text)).toThrow(expect.objectContaining({ code: 'usage' }))
})
