// Aliases that an upstream does not follow, as an authoritative server does not outside its zones.
import { expect, test } from 'vitest'
import { TYPE } from '../../wire/types.ts'
import { Net, record, SECOND } from '../testing/net.ts'

const CORP = `corp.example=${SECOND}`
const alias = (name: string, target: string, ttl = 300) => [record(name, TYPE.CNAME, `${target}.`, ttl)]

test('an unresolved alias is followed, and the answer is not authoritative', () => {
  const net = new Net({ forward: [CORP] }).ask('www.corp.example').reply(0, alias('www.corp.example', 'x.cdn.example')).reply(1, [record('x.cdn.example', TYPE.A, '203.0.113.1')])
  expect(net.sent.map(({ to, query }) => [to, query.questions[0]?.name.toLowerCase()])).toEqual([[SECOND, 'www.corp.example'], ['192.0.2.53:53', 'x.cdn.example']])
  expect(net.last).toMatchObject({ rcode: 'NOERROR', data: ['x.cdn.example.', '203.0.113.1'], message: { header: { aa: false } } })
})

test('aliases from the zone, an upstream and the zone again form one chain', () => {
  const net = new Net({ forward: [CORP] })
  net.zone.apply({ change: 'register', name: 'www.home', type: 'CNAME', rdata: 'www.corp.example.', replace: false })
  net.zone.apply({ change: 'register', name: 'my-app.home', type: 'A', rdata: '192.168.1.50', replace: false })
  net.ask('www.home').reply(0, alias('www.corp.example', 'my-app.home'))
  expect(net.last).toMatchObject({ rcode: 'NOERROR', source: 'zone', data: ['www.corp.example.', 'my-app.home.', '192.168.1.50'], message: { header: { aa: true } } })
})

test('if the end of a chain does not exist, or cannot be resolved, the answer says so', () => {
  const net = new Net().ask('a.example.org').reply(0, alias('a.example.org', 'b.example.net')).reply(1, [], message => ({ ...message, header: { ...message.header, rcode: 3 } }))
  expect(net.last).toMatchObject({ rcode: 'NXDOMAIN', data: ['b.example.net.'] })
  net.ask('c.example.org').reply(2, alias('c.example.org', 'd.example.net')).reply(3, [], message => ({ ...message, header: { ...message.header, rcode: 2 } }))
  expect(net.last).toMatchObject({ rcode: 'SERVFAIL', data: [], message: { header: { aa: false } } })
})

test.each([1, 2, 16])('a loop of %i aliases ends in SERVFAIL, whether it comes in one answer or in several', length => {
  const name = (index: number) => `n${index % length}.example.org`
  const ring = Array.from({ length }, (_, index) => alias(name(index), name(index + 1))).flat()
  expect(new Net().ask(name(0)).reply(0, ring).last).toMatchObject({ rcode: 'SERVFAIL', data: [] })
  const net = new Net().ask(name(0))
  for (let index = 0; net.answers.length === 0; index++) net.reply(index, alias(name(index), name(index + 1)))
  expect([net.last.rcode, net.last.data, net.sent.length]).toEqual(['SERVFAIL', [], Math.min(length, 9)])
})

test('a chain is cached until its first part expires, and that part is asked for again', () => {
  const net = new Net().ask('a.example.org').reply(0, alias('a.example.org', 'b.example.net', 60)).reply(1, [record('b.example.net', TYPE.A, '203.0.113.1', 300)])
  const out = new Uint8Array(512)
  const isInPacketCache = () => net.server.answerAtOnce(net.sending(0).upstreamQuery.message, 0, net.sending(0).upstreamQuery.message.length, out, 0, out.length, net.nowMs) > 0
  expect([net.runUntil(10_000).ask('a.example.org').sent.length, net.last.source, net.last.message.answers.map(({ ttl }) => ttl)]).toEqual([2, 'cache', [50, 290]])
  net.runUntil(50_000)
  expect(isInPacketCache()).toBe(true)
  net.runUntil(61_000)
  expect([isInPacketCache(), net.ask('a.example.org').sent.length]).toEqual([false, 3])
})

test('the alias of a public name cannot point into this network', () => {
  const net = new Net({ forward: [CORP] })
  net.zone.apply({ change: 'register', name: 'router.home', type: 'A', rdata: '192.168.1.1', replace: false })
  for (const target of ['router.home', 'x.internal', 'localhost']) {
    const sent = net.sent.length
    net.ask(`to-${target}.evil.example`).reply(sent, alias(`to-${target}.evil.example`, target))
    expect([net.last.rcode, net.last.data, net.sent.length]).toEqual(['NOERROR', [`${target}.`], sent + 1])
  }
  const sent = net.sent.length
  net.ask('evil.example').reply(sent, alias('evil.example', 'intranet.corp.example')).reply(sent + 1, [record('intranet.corp.example', TYPE.A, '10.0.0.1')])
  expect(net.last).toMatchObject({ rcode: 'NOERROR', data: ['intranet.corp.example.'], extendedError: 17 })
  expect(net.ask('intranet.corp.example').last.data).toEqual(['10.0.0.1'])
  expect(net.ask('evil.example').last.data).toEqual(['intranet.corp.example.'])
})
