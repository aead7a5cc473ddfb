import { describe, expect, test } from 'vitest'
import { encodeMessage, type Message, type ResourceRecord } from '../../wire/message.ts'
import { nameKey } from '../../wire/name.ts'
import { optRecord } from '../../wire/edns.ts'
import { CLASS, TYPE } from '../../wire/types.ts'
import { FIRST, Net, record, SECOND } from '../testing/net.ts'

const A = [record('www.example.org', TYPE.A, '203.0.113.7')]
const NAME = 'www.example.org'
const rrsig = (name: string, covered: number, signer = 'example.org'): ResourceRecord => {
  const labels = signer.split('.').flatMap(label => [label.length, ...[...label].map(letter => letter.charCodeAt(0))])
  return { name, type: TYPE.RRSIG, class: CLASS.IN, ttl: 300, rdata: Uint8Array.of(covered >>> 8, covered & 255, 8, 2, ...new Array<number>(14).fill(1), ...labels, 0, 9, 9, 9) }
}
const SOA = record('example.org', TYPE.SOA, 'ns.example.org. x.example.org. 1 2 3 4 60')
const withHeader = (change: Partial<Message['header']>) => (message: Message): Message => ({ ...message, header: { ...message.header, ...change } })

describe('the choice of upstream', () => {
  test('the fastest is queried first, and an answer is taken from whichever upstream it comes', () => {
    const net = new Net({ upstreams: [FIRST, SECOND] }).ask('a.example.org').runUntil(400)
    net.nowMs = 410
    net.reply(1, []) // the second took 10 ms; the first is still silent
    net.nowMs = 600
    net.reply(0, []) // the first took 600
    expect(net.ask('b.example.org').sent[2]?.to).toBe(SECOND)
  })

  test('an upstream slower than usual is raced by the next, long before 400 ms', () => {
    const net = new Net({ upstreams: [FIRST, SECOND] })
    for (let round = 0; round < 20; round++) {
      net.ask(`n${round}.example.org`)
      net.nowMs += 10
      net.reply(round, [])
    }
    const startMs = net.nowMs
    net.ask(NAME).runUntil(startMs + 100)
    expect(net.sent.slice(20).map(({ atMs, to }) => [Math.round(atMs - startMs), to])).toEqual([[0, FIRST], [30, SECOND]])
  })

  test('a single upstream does not race itself', () => {
    const net = new Net().ask('a.example.org')
    net.nowMs = 1
    net.reply(0, []).ask(NAME).runUntil(390)
    expect(net.sent).toHaveLength(2)
  })

  test('a silent upstream is avoided: the next question goes to the other at once', () => {
    const net = new Net({ upstreams: [FIRST, SECOND] }).ask(NAME).runUntil(401)
    net.reply(1, A).runUntil(3900).ask('b.example.org')
    expect(net.sent[2]?.to).toBe(SECOND)
    expect(net.over.size).toBe(2)
  })

  test('an upstream silent about one name that answers others stays in use', () => {
    const net = new Net({ upstreams: [FIRST, SECOND] }).ask('a.example.org').reply(0, []).ask('dead.example.org').runUntil(100).reply(2, [], withHeader({ rcode: 2 }))
    net.runUntil(3000).ask('b.example.org')
    net.reply(net.sent.length - 1, []).runUntil(4000).ask('c.example.org')
    expect([net.sending(2).to, net.sent[net.sent.length - 1]?.to]).toEqual([SECOND, FIRST])
  })

  test('an upstream that refuses is avoided too, however fast it was', () => {
    const net = new Net({ upstreams: [FIRST, SECOND] }).ask('a.example.org').reply(0, []).ask(NAME).refuse(1)
    expect(net.sent[2]?.to).toBe(SECOND)
    expect(net.reply(2, A).ask('b.example.org').sent[3]?.to).toBe(SECOND)
  })

  test('an upstream not queried for long is probed in parallel, and its late answer only measures its speed', () => {
    const net = new Net({ upstreams: [FIRST, SECOND] }).ask('a.example.org').reply(0, []).runUntil(31_000).ask(NAME)
    expect(net.sent.slice(1).map(({ to }) => to)).toEqual([FIRST, SECOND])
    net.reply(1, A).reply(2, [record(NAME, TYPE.A, '192.0.2.66')])
    expect([net.answers.length, net.last.data]).toEqual([2, ['203.0.113.7']])
    expect(net.ask(NAME).last.data).toEqual(['203.0.113.7'])
    expect(net.server.deadlineMs()).toBe(Infinity)
  })

  test('a zone with its own servers is forwarded to them, and its trouble is reported under its name', () => {
    const net = new Net({ forward: ['corp.example.org=192.0.2.1', 'corp.example.org=192.0.2.2', '168.192.in-addr.arpa=192.0.2.1'] })
    net.ask('a.corp.example.org').refuse(0).refuse(1)
    expect(net.sent.map(({ to }) => to)).toEqual(['192.0.2.1:53', '192.0.2.2:53'])
    expect(net.events.find(({ name }) => name === 'upstream')).toMatchObject({ zone: 'corp.example.org', trouble: '192.0.2.1:53 refuses, 192.0.2.2:53 refuses' })
    expect(net.ask('1.1.168.192.in-addr.arpa', 'PTR').sent[2]?.to).toBe('192.0.2.1:53')
  })

  test('one name that no upstream answers is not reported as trouble while other names are answered', () => {
    const troubles = (net: Net) => net.events.filter(({ name }) => name === 'upstream')
    const net = new Net({ upstreams: [FIRST, SECOND] }).ask('dead.example.org').runUntil(2000).ask(NAME)
    net.reply(net.sent.length - 1, A).runUntil(4000)
    expect([net.last.rcode, troubles(net)]).toEqual(['SERVFAIL', []])
    net.ask('silent.example.org').runUntil(8000)
    expect(troubles(net)).toMatchObject([{ trouble: `${FIRST} does not answer, ${SECOND} does not answer` }])
  })

  test('a zone that is forwarded nowhere does not exist, and the answer is authoritative', () => {
    const net = new Net({ forward: ['ads.example.org='] }).ask('x.ads.example.org')
    expect([net.last.rcode, net.last.message.authorities[0]?.name, net.last.message.header.aa, net.sent.length]).toEqual(['NXDOMAIN', 'ads.example.org', true, 0])
  })

  const other = (bytes: Uint8Array) => Uint8Array.from(bytes, (octet, at) => at === 20 ? octet ^ 1 : octet)
  test.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ['an empty message', () => new Uint8Array(0)], ['a fragment', bytes => bytes.subarray(0, 30)], ['an answer to another question', other], ['a query', bytes => Uint8Array.from(bytes, (octet, at) => at === 2 ? octet & 0x7f : octet)],
  ])('after an unusable answer on a connection (%s) the next upstream is queried at once, since it cannot be forged', (_title, change) => {
    const net = new Net({ upstreams: [FIRST, 'tls://192.0.2.99', 'https://192.0.2.98'], randomizeCase: false }).ask(NAME)
    const answer = () => encodeMessage({ ...net.sending(net.sent.length - 1).query, answers: A, header: { ...net.sending(net.sent.length - 1).query.header, qr: true } })
    const broken = () => net.replyBytes(net.sending(net.sent.length - 1).upstreamQuery, change(answer()))
    broken()
    expect([net.sent.length, net.answers.length]).toEqual([1, 0]) // Over UDP it may be forged.
    net.reply(0, [], withHeader({ tc: true }))
    expect(net.sent.map(({ to }) => to)).toEqual([FIRST, `${FIRST} by TCP`])
    broken()
    expect([net.sent.length, net.sent.at(-1)?.upstreamQuery.upstream.transport]).toEqual([3, 'tls'])
    broken()
    expect([net.sent.length, net.sent.at(-1)?.upstreamQuery.upstream.transport]).toEqual([4, 'https'])
    broken()
    expect([net.last.rcode, net.last.atMs, net.sent.length]).toEqual(['SERVFAIL', 0, 4])
  })

  test('a truncated answer over TCP is not an answer', () => {
    const net = new Net().ask(NAME).reply(0, [], withHeader({ tc: true })).reply(1, A, withHeader({ tc: true }))
    expect([net.last.rcode, net.sent.length]).toEqual(['SERVFAIL', 2])
  })

  test.each([
    ['complete', (message: Message): Message => withHeader({ rcode: 1 })(message)],
    ['bare', (message: Message): Message => ({ ...withHeader({ rcode: 1 })(message), questions: [] })],
  ])('an upstream without EDNS (%s FORMERR) is queried without it, at once and later', (_title, change) => {
    const net = new Net().ask(NAME).reply(0, [], change)
    expect(net.sent[1]?.query.additionals).toEqual([])
    expect(net.reply(1, A).last.data).toEqual(['203.0.113.7'])
    net.ask('b.example.org')
    expect(net.sent[2]?.query.additionals).toEqual([])
    expect(net.reply(2, [], change).last.rcode).toBe('SERVFAIL')
  })

  test('an upstream that seemed to lack EDNS is tried with it again after 15 minutes, however often it was queried meanwhile', () => {
    const net = new Net().ask(NAME).reply(0, [], withHeader({ rcode: 1 })).reply(1, A)
    const options = () => net.sent[net.sent.length - 1]?.query.additionals.length
    for (let minute = 1; minute < 15; minute++) {
      net.nowMs = minute * 60_000
      net.ask(`n${minute}.example.org`)
      expect(options()).toBe(0)
      net.reply(net.sent.length - 1, [])
    }
    net.nowMs = 15 * 60_000
    net.ask('with.example.org')
    expect(options()).toBe(1)
    net.reply(net.sent.length - 1, []).ask('further.example.org')
    expect(options()).toBe(1)
  })

  test('an upstream that rejects one question with and without EDNS still gets EDNS for others', () => {
    const net = new Net().ask(NAME).reply(0, [], withHeader({ rcode: 1 })).reply(1, [], withHeader({ rcode: 1 }))
    expect([net.last.rcode, net.sent.length]).toEqual(['SERVFAIL', 2])
    expect(net.ask('b.example.org').sent[2]?.query.additionals).toHaveLength(1)
  })

  test('after a referral instead of an answer the next upstream is queried at once', () => {
    const refers = (message: Message): Message => ({ ...withHeader({ ra: false })(message), authorities: [record('org', TYPE.NS, 'a0.org.afilias-nst.info.')] })
    const net = new Net({ upstreams: [FIRST, SECOND] }).ask(NAME).reply(0, [], refers)
    expect(net.sent.map(({ to, atMs }) => [to, atMs])).toEqual([[FIRST, 0], [SECOND, 0]])
    expect(net.reply(1, A).last.data).toEqual(['203.0.113.7'])
    expect(net.ask('b.example.org').sent[2]?.to).toBe(SECOND)
    expect(new Net().ask(NAME).reply(0, [], refers).last).toMatchObject({ rcode: 'SERVFAIL', extendedError: 22 })
    for (const [header, rcode] of [[{ ra: true }, 'NOERROR'], [{ aa: true }, 'NOERROR'], [{ rcode: 3 }, 'NXDOMAIN']] as const) {
      expect(new Net().ask(NAME).reply(0, [], message => withHeader(header)(refers(message))).last.rcode).toBe(rcode)
    }
  })

  test('BADVERS is not an answer, although its lower bits equal NOERROR', () => {
    const net = new Net().ask(NAME).reply(0, [], message => ({ ...message, additionals: [optRecord({ rcode: 16, dnssecOk: false })] }))
    expect(net.last.rcode).toBe('SERVFAIL')
  })
})

describe('the case of names (0x20)', () => {
  const lower = (message: Message): Message => ({ ...message, questions: message.questions.map(question => ({ ...question, name: nameKey(question.name) })) })

  test('upstreams see random case, and clients get their own back', () => {
    const net = new Net().ask('Www.Example.Org')
    const asked = net.sent[0]?.query.questions[0]?.name ?? ''
    expect([nameKey(asked), asked === 'Www.Example.Org']).toEqual([NAME, false])
    net.reply(0, [{ ...record(asked, TYPE.CNAME, `cdn.${asked.slice(4)}.`) }, record(`cdn.${asked.slice(4)}`, TYPE.A, '203.0.113.7')])
    expect(net.last.message.questions[0]?.name).toBe('Www.Example.Org')
    expect(net.last.message.answers.map(({ name }) => name)).toEqual(['Www.Example.Org', 'cdn.Example.Org'])
  })

  test('a reply in another case is verified over TCP; one in the same case still counts', () => {
    const net = new Net().ask(NAME).reply(0, [record(NAME, TYPE.A, '192.0.2.66')], lower)
    expect([net.answers.length, net.sent[1]?.to]).toEqual([0, `${FIRST} by TCP`])
    expect(net.reply(0, [record(NAME, TYPE.A, '192.0.2.66')], lower).sent).toHaveLength(2)
    expect(net.reply(0, A).last.data).toEqual(['203.0.113.7'])
  })

  test('a server that changes case over TCP too is queried without randomization from then on', () => {
    const net = new Net().ask(NAME).reply(0, A, lower).reply(1, A, lower)
    expect(net.last.data).toEqual(['203.0.113.7'])
    net.ask('other.example.org')
    expect([net.sent[2]?.to, net.sent[2]?.query.questions[0]?.name]).toEqual([FIRST, 'other.example.org'])
    net.nowMs = 15 * 60_000
    expect(net.ask('later.example.org').sent[3]?.query.questions[0]?.name).not.toBe('later.example.org')
  })

  test('a server known to change case is believed whatever the case of its replies', () => {
    const net = new Net().ask(NAME).reply(0, A, lower).reply(1, A, lower).ask('other.example.org')
    expect(net.ask('THIRD.example.org').reply(3, [record('third.example.org', TYPE.A, '203.0.113.9')], lower).last.data).toEqual(['203.0.113.9'])
  })

  test('a server that keeps case over TCP still gets random case: the other reply was forged', () => {
    const net = new Net().ask(NAME).reply(0, [record(NAME, TYPE.A, '192.0.2.66')], lower).reply(1, A)
    expect(net.last.data).toEqual(['203.0.113.7'])
    expect(net.ask('other.example.org').sent[2]?.query.questions[0]?.name).not.toBe('other.example.org')
  })

  test('a server that changes case and has no TCP is queried without randomization', () => {
    const net = new Net().ask(NAME).reply(0, A, lower).refuse(1)
    expect(net.sent[2]).toMatchObject({ to: FIRST, query: { questions: [{ name: NAME }] } })
    expect(net.reply(2, A).last.data).toEqual(['203.0.113.7'])
  })

  test('case is not randomized if a setting says so, nor over an encrypted transport, where queries are padded', () => {
    expect(new Net({ randomizeCase: false }).ask(NAME).sent[0]?.query.questions[0]?.name).toBe(NAME)
    const { upstreamQuery, query } = new Net({ upstreams: ['tls://192.0.2.53'] }).ask(NAME).sending(0)
    expect([query.questions[0]?.name, upstreamQuery.message.length]).toEqual([NAME, 128])
  })
})

describe('DNSSEC', () => {
  const signed = [...A, rrsig(NAME, TYPE.A)]

  test('DO goes upstream, the signatures come back, and clients without DO get the answer without them', () => {
    const net = new Net().ask(NAME, 'A', { dnssecOk: true })
    expect((net.sent[0]?.query.additionals[0]?.ttl ?? 0) & 0x8000).toBe(0x8000)
    net.reply(0, [...signed, rrsig(NAME, TYPE.MX), rrsig('other.example.org', TYPE.A)])
    expect(net.last.message.answers.map(({ type }) => type)).toEqual([TYPE.A, TYPE.RRSIG])
    expect(net.ask(NAME, 'A', { dnssecOk: true }).last.message.answers.map(({ type }) => type)).toEqual([TYPE.A, TYPE.RRSIG])
    expect([net.ask(NAME).last.message.answers.map(({ type }) => type), net.sent.length]).toEqual([[TYPE.A], 1])
  })

  test('questions with different DO and CD bits are separate flights', () => {
    const net = new Net()
    for (const dnssecOk of [true, false]) for (const checkingDisabled of [true, false]) net.ask(NAME, 'A', { dnssecOk, checkingDisabled })
    expect(net.sent).toHaveLength(4)
    expect(net.ask(NAME, 'A', { dnssecOk: true }).sent).toHaveLength(4)
  })

  test('a cached answer without signatures does not serve a client that sets DO', () => {
    const net = new Net().ask(NAME).reply(0, A).ask(NAME, 'A', { dnssecOk: true })
    expect(net.sent).toHaveLength(2)
  })

  test('a negative answer includes its proofs, and only those of its own zone', () => {
    const nsec = (name: string): ResourceRecord => ({ name, type: TYPE.NSEC, class: CLASS.IN, ttl: 300, rdata: Uint8Array.of(0, 0, 1, 0x40) })
    const authorities = [SOA, rrsig('example.org', TYPE.SOA), nsec('a.example.org'), rrsig('a.example.org', TYPE.NSEC), nsec('evil.example.com'), record('example.org', TYPE.NS, 'ns.example.org.'), rrsig('example.org', TYPE.NS)]
    const net = new Net().ask(NAME, 'A', { dnssecOk: true }).reply(0, [], message => ({ ...withHeader({ rcode: 3 })(message), authorities }))
    expect(net.last.rcode).toBe('NXDOMAIN')
    expect(net.last.message.authorities.map(({ name, type }) => [name, type])).toEqual([['example.org', TYPE.SOA], ['example.org', TYPE.RRSIG], ['a.example.org', TYPE.NSEC], ['a.example.org', TYPE.RRSIG]])
    expect(net.ask(NAME, 'MX').last.message.authorities.map(({ type }) => type)).toEqual([TYPE.SOA])
    expect(net.sent).toHaveLength(1)
  })

  test('a positive answer from a wildcard includes its proof', () => {
    const nsec: ResourceRecord = { name: 'v.example.org', type: TYPE.NSEC, class: CLASS.IN, ttl: 300, rdata: Uint8Array.of(0, 0, 1, 0x40) }
    const net = new Net().ask(NAME, 'A', { dnssecOk: true }).reply(0, signed, message => ({ ...message, authorities: [nsec, rrsig('v.example.org', TYPE.NSEC), SOA] }))
    expect(net.last.message.authorities.map(({ type }) => type)).toEqual([TYPE.NSEC, TYPE.RRSIG])
  })

  test('a CNAME synthesized from a DNAME comes with the DNAME', () => {
    const dname = { ...record('example.org', TYPE.CNAME, 'example.net.'), type: 39 }
    const net = new Net().ask(NAME, 'A', { dnssecOk: true }).reply(0, [dname, rrsig('example.org', 39), record(NAME, TYPE.CNAME, 'www.example.net.'), record('www.example.net', TYPE.A, '203.0.113.7')])
    expect(net.last.message.answers.map(({ type }) => type)).toEqual([39, TYPE.RRSIG, TYPE.CNAME, TYPE.A])
  })

  test.each([
    ['an upstream on the network', FIRST, { }, false],
    ['an upstream on this machine', '127.0.0.1:5300', { }, true],
    ['an upstream over TLS', 'tls://192.0.2.53', { }, true],
    ['an upstream over TLS, for a client that sets neither AD nor DO', 'tls://192.0.2.53', { change: withHeader({ ad: false }) }, false],
    ['an upstream over TLS, for a client that sets DO', 'tls://192.0.2.53', { dnssecOk: true }, true],
  ])('the AD bit of %s is handled', (_title, upstream, options, ad) => {
    const net = new Net({ upstreams: [upstream] }).ask(NAME, 'A', options).reply(0, A, withHeader({ ad: true }))
    expect([net.last.message.header.ad, net.ask(NAME, 'A', options).last.message.header.ad]).toEqual([ad, ad])
  })

  test('an answer that begins with a local alias is not authentic as a whole', () => {
    const net = new Net({ upstreams: ['127.0.0.1:5300'] })
    net.zone.apply({ change: 'register', name: 'a.home', type: 'CNAME', rdata: 'www.example.org.', replace: false })
    expect(net.ask('a.home').reply(0, A, withHeader({ ad: true })).last.message.header.ad).toBe(false)
  })

  test('CD goes upstream and comes back, and unvalidated answers are cached separately', () => {
    const net = new Net().ask(NAME, 'A', { checkingDisabled: true }).reply(0, [record(NAME, TYPE.A, '192.0.2.66')])
    expect([net.sent[0]?.query.header.cd, net.last.message.header.cd]).toEqual([true, true])
    expect(net.ask(NAME).reply(1, A).last.data).toEqual(['203.0.113.7'])
    expect([net.ask(NAME, 'A', { checkingDisabled: true }).last.data, net.ask(NAME).last.data]).toEqual([['192.0.2.66'], ['203.0.113.7']])
  })
})

describe('private addresses in upstream answers', () => {
  const HOME = [record(NAME, TYPE.A, '192.168.1.1')]

  test('are removed, reported to the client and the log, and stay out of the cache', () => {
    const net = new Net().ask(NAME).reply(0, HOME)
    expect(net.last).toMatchObject({ rcode: 'NOERROR', data: [], extendedError: 17 })
    expect(net.events.filter(({ name }) => name === 'filtered')).toEqual([{ name: 'filtered', qname: NAME, data: '192.168.1.1', upstream: FIRST }])
    expect([net.ask(NAME).last.data, net.last.source, net.last.extendedError]).toEqual([[], 'cache', 17])
    expect(net.runUntil(60_000).ask(NAME).sent).toHaveLength(2)
  })

  test('are removed behind an alias too, and public ones stay', () => {
    const net = new Net().ask(NAME).reply(0, [record(NAME, TYPE.CNAME, 'a.example.net.'), record('a.example.net', TYPE.A, '10.0.0.1'), record('a.example.net', TYPE.A, '203.0.113.9')])
    expect(net.last.data).toEqual(['a.example.net.', '203.0.113.9'])
  })

  test.each([
    ['a zone in --allow_private', { allowPrivate: ['example.org'] }],
    ['a zone with its own servers', { forward: ['example.org=192.0.2.1'] }],
  ])('%s may have them', (_title, options) => {
    expect(new Net(options).ask(NAME).reply(0, HOME).last.data).toEqual(['192.168.1.1'])
  })
})

describe('prefetch', () => {
  const popular = () => {
    const net = new Net().ask(NAME).reply(0, A)
    for (let round = 0; round < 3; round++) net.ask(NAME)
    return net
  }

  test('queries a popular name again in the last tenth of its TTL, while the cache answers', () => {
    const net = popular().runUntil(269_000).ask(NAME)
    expect(net.sent).toHaveLength(1)
    net.runUntil(271_000).ask(NAME).ask(NAME)
    expect([net.sent.length, net.last.source, net.last.data]).toEqual([2, 'cache', ['203.0.113.7']])
    net.reply(1, [record(NAME, TYPE.A, '203.0.113.8')]).runUntil(301_000).ask(NAME)
    expect([net.sent.length, net.last.data]).toEqual([2, ['203.0.113.8']])
  })

  test('that fails leaves the answer in the cache until it expires', () => {
    const net = popular().runUntil(271_000).ask(NAME).refuse(1).runUntil(299_000).ask(NAME)
    expect([net.last.source, net.last.data]).toEqual(['cache', ['203.0.113.7']])
  })

  test('is not made for a name that was asked for once', () => {
    expect(new Net().ask(NAME).reply(0, A).runUntil(290_000).ask(NAME).sent).toHaveLength(1)
  })
})

describe('a stale answer', () => {
  const stale = () => new Net().ask(NAME).reply(0, A).runUntil(400_000)

  test('says that it is stale', () => {
    expect(stale().ask(NAME).refuse(1).last).toMatchObject({ data: ['203.0.113.7'], extendedError: 3 })
    const missing = new Net().ask(NAME).reply(0, [], message => ({ ...withHeader({ rcode: 3 })(message), authorities: [SOA] })).runUntil(100_000).ask(NAME).refuse(1)
    expect(missing.last).toMatchObject({ rcode: 'NXDOMAIN', extendedError: 19 })
  })

  test('is given at once for 30 s after a failed refresh, then the upstream is queried again', () => {
    const net = stale().ask(NAME).runUntil(404_000)
    const sent = net.sent.length
    expect(net.ask(NAME).last).toMatchObject({ source: 'stale', atMs: 404_000 })
    expect(net.runUntil(433_000).ask(NAME).sent).toHaveLength(sent)
    expect(net.runUntil(434_000).ask(NAME).sent).toHaveLength(sent + 1)
  })
})

describe('provenance', () => {
  const explained = (net: Net, name: string) => net.ask(name, 'A', { explain: true }).last.provenance

  test('is explained on request: the zone, an upstream and its time, the cache and its age, a stale answer', () => {
    const net = new Net()
    net.zone.apply({ change: 'register', name: 'a.home', type: 'A', rdata: '192.168.1.50', replace: false })
    expect(explained(net, 'a.home')).toBe('zone')
    net.ask(NAME, 'A', { explain: true })
    net.nowMs = 23
    expect(net.reply(0, A).last.provenance).toBe(`upstream ${FIRST} in 23 ms`)
    net.runUntil(12_999)
    expect(explained(net, NAME)).toBe(`cache, 12 s old, from ${FIRST}`)
    net.runUntil(400_000).ask(NAME, 'A', { explain: true }).refuse(1)
    expect(net.last.provenance).toBe(`stale, 399 s old, from ${FIRST}`)
  })

  test('is not explained to others, and the option does not go upstream', () => {
    const net = new Net().ask(NAME, 'A', { explain: true })
    expect(net.sent[0]?.query.additionals[0]?.rdata).toHaveLength(0)
    expect(net.reply(0, A).ask(NAME).last.message.additionals[0]?.rdata).toHaveLength(0)
    expect(net.ask(NAME, 'A', { edns: false }).last.message.additionals).toEqual([])
  })

  test('malformed options make the query malformed', () => {
    const opt = { ...optRecord({ rcode: 0, dnssecOk: false }), rdata: Uint8Array.of(0, 1, 0, 9, 1) }
    expect(new Net().ask(NAME, 'A', { change: query => ({ ...query, additionals: [opt] }) }).last.rcode).toBe('FORMERR')
  })
})

describe('SERVFAIL', () => {
  const fails = (net: Net, index: number) => net.reply(index, [], withHeader({ rcode: 2 }))

  test('is cached for a second, for its own question only', () => {
    const net = fails(new Net().ask(NAME), 0).ask(NAME)
    expect([net.last.rcode, net.sent.length]).toEqual(['SERVFAIL', 1])
    expect(net.ask(NAME, 'AAAA').ask(NAME, 'A', { checkingDisabled: true }).sent).toHaveLength(3)
    net.runUntil(999).ask(NAME).runUntil(1000).ask(NAME)
    expect(net.sent.filter(({ atMs, query }) => atMs > 400 && query.questions[0]?.type === TYPE.A && !query.header.cd).map(({ atMs }) => atMs)).toEqual([1000])
  })

  test('is not cached if no upstream was reached: the path may be back at any moment', () => {
    expect(new Net().ask(NAME).refuse(0).ask(NAME).sent).toHaveLength(2)
  })

  test('says why: silence, a refusal, or the reason the upstream gave', () => {
    expect(new Net().ask(NAME).runUntil(4000).last).toMatchObject({ rcode: 'SERVFAIL', extendedError: 22 })
    expect(new Net().ask(NAME).refuse(0).last).toMatchObject({ rcode: 'SERVFAIL', extendedError: 23 })
    const bogus = optRecord({ rcode: 0, dnssecOk: false, options: [{ code: 15, bytes: Uint8Array.of(0, 6) }] })
    const net = new Net().ask(NAME)
    const { upstreamQuery, query } = net.sending(0)
    net.replyBytes(upstreamQuery, encodeMessage({ ...query, header: { ...query.header, qr: true, rcode: 2 }, additionals: [bogus] }))
    expect(net.last).toMatchObject({ rcode: 'SERVFAIL', extendedError: 6 })
  })
})
