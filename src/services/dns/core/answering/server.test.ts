import { describe, expect, test } from 'vitest'
import { optRecord } from '../../wire/edns.ts'
import { encodeMessage, type Message } from '../../wire/message.ts'
import { CLASS, TYPE } from '../../wire/types.ts'
import { FLIGHTS_MAX } from '../forwarding/forwarder.ts'
import { queryFor } from '../forwarding/query.ts'
import { FIRST, Net, record, SECOND } from '../testing/net.ts'

const register = (net: Net, name: string, type: string, rdata: string) => net.zone.apply({ change: 'register', name, type, rdata, replace: false })

describe('local names', () => {
  test('a registered name gets an authoritative answer, and no upstream is queried', () => {
    const net = new Net()
    register(net, 'my-app.home', 'A', '192.168.1.50')
    const { rcode, data, source, message } = net.ask('MY-APP.home').last
    expect([rcode, data, source, message.header.aa, message.header.ra, message.header.id, message.questions[0]?.name]).toEqual(['NOERROR', ['192.168.1.50'], 'zone', true, true, 77, 'MY-APP.home'])
    expect(net.sent).toEqual([])
  })

  test('NXDOMAIN and NODATA carry the SOA', () => {
    const net = new Net()
    register(net, 'a.home', 'A', '192.0.2.1')
    for (const [name, rcode] of [['b.home', 'NXDOMAIN'], ['a.home', 'NOERROR']] as const) {
      const { last } = net.ask(name, 'MX')
      expect([last.rcode, last.data, last.message.authorities.map(({ name, type }) => [name, type])]).toEqual([rcode, [], [['home', TYPE.SOA]]])
    }
  })

  test.each(['printer.home', 'x.home.arpa', '1.1.168.192.in-addr.arpa', '1.0.31.172.in-addr.arpa', '9.9.9.10.in-addr.arpa', '1.2.0.192.in-addr.arpa', '1.100.51.198.in-addr.arpa', '1.113.0.203.in-addr.arpa', '2.0.0.127.in-addr.arpa', `${'0.'.repeat(24)}8.b.d.0.1.0.0.2.ip6.arpa`, 'a.local', 'a.internal', `${'0.'.repeat(30)}d.f.ip6.arpa`])('%s never goes upstream', name => {
    const net = new Net().ask(name, 'PTR')
    expect([net.last.rcode, net.sent.length, net.last.message.authorities.length]).toEqual(['NXDOMAIN', 0, 1])
  })

  test.each(['localhost', 'LocalHost', 'app.dev.localhost'])('%s is the client\'s own machine, whatever an upstream would say', name => {
    const net = new Net()
    for (const [type, data] of [['A', ['127.0.0.1']], ['AAAA', ['::1']], ['MX', []], ['HTTPS', []]] as const) {
      const { last } = net.ask(name, type)
      expect([last.rcode, last.data, last.source, last.message.header.aa, last.message.authorities.length]).toEqual(['NOERROR', data, 'zone', true, data.length === 0 ? 1 : 0])
    }
    expect(net.sent).toEqual([])
  })

  test.each(['1.0.0.127.in-addr.arpa', `1.${'0.'.repeat(31)}IP6.arpa`])('%s is localhost, unless it is registered for another name', name => {
    const net = new Net()
    expect([net.ask(name, 'PTR').last.rcode, net.last.data, net.ask(name, 'A').last.rcode, net.last.message.authorities.length]).toEqual(['NOERROR', ['localhost.'], 'NOERROR', 1])
    register(net, 'desk.home', 'A', '127.0.0.1')
    register(net, 'desk.home', 'AAAA', '::1')
    expect([net.ask(name, 'PTR').last.data, net.sent]).toEqual([['desk.home.'], []])
  })

  test('a registered name below localhost is answered as registered', () => {
    const net = new Net()
    register(net, 'dev.localhost', 'A', '192.168.1.50')
    expect([net.ask('dev.localhost').last.data, net.ask('localhost').last.data]).toEqual([['192.168.1.50'], ['127.0.0.1']])
  })

  test('a validating client gets the parent\'s proof that home.arpa has no DS, and nothing else of home.arpa is forwarded', () => {
    const net = new Net()
    register(net, 'nas.home.arpa', 'A', '192.168.1.60')
    const soa = record('arpa', TYPE.SOA, 'a.root-servers.net. nstld.verisign-grs.com. 1 1800 900 604800 3600')
    const nsec = record('home.arpa', TYPE.NSEC, 'in-addr.arpa. NS RRSIG NSEC')
    net.ask('home.arpa', 'DS', { dnssecOk: true }).reply(0, [], response => ({ ...response, authorities: [soa, nsec] }))
    expect([net.last.rcode, net.last.source, net.last.message.authorities.map(({ name, type }) => [name, type])]).toEqual(['NOERROR', 'upstream', [['arpa', TYPE.SOA], ['home.arpa', TYPE.NSEC]]])
    for (const [name, type, data] of [['nas.home.arpa', 'A', ['192.168.1.60']], ['home.arpa', 'NS', []], ['nas.home.arpa', 'DS', []]] as const) {
      expect([net.ask(name, type, { dnssecOk: true }).last.rcode, net.last.source, net.last.data]).toEqual(['NOERROR', 'zone', data])
    }
    expect(net.sent.length).toBe(1)
  })

  test('the NAT64 prefix of an upstream\'s network (RFC 7050) comes through', () => {
    const net = new Net()
    net.ask('ipv4only.arpa', 'AAAA').reply(0, [record('ipv4only.arpa', TYPE.AAAA, '64:ff9b::c000:aa')])
    expect(net.last).toMatchObject({ rcode: 'NOERROR', source: 'upstream', data: ['64:ff9b::c000:aa'] })
  })

  test('resolver discovery (DDR) is not forwarded, and a registered designated resolver is returned', () => {
    const net = new Net().ask('_dns.resolver.arpa', 'SVCB')
    expect([net.last.rcode, net.last.message.header.aa, net.last.message.authorities[0]?.name, net.sent.length]).toEqual(['NOERROR', true, 'resolver.arpa', 0])
    expect([net.ask('x.y.resolver.arpa').last.rcode, net.ask('resolver.arpa', 'NS').last.rcode]).toEqual(['NOERROR', 'NOERROR'])
    register(net, '_dns.resolver.arpa', 'SVCB', '1 dns.home. alpn=dot')
    expect(net.ask('_dns.resolver.arpa', 'SVCB').last.data).toEqual(['1 dns.home. alpn="dot"'])
  })

  test('a private reverse name with an address below it exists', () => {
    const net = new Net()
    register(net, 'a.home', 'A', '192.168.1.50')
    expect([net.ask('1.168.192.in-addr.arpa', 'NS').last.rcode, net.ask('2.168.192.in-addr.arpa', 'NS').last.rcode]).toEqual(['NOERROR', 'NXDOMAIN'])
    expect(net.ask('50.1.168.192.in-addr.arpa', 'PTR').last.data).toEqual(['a.home.'])
  })

  test.each(['use-application-dns.net', 'MASK.icloud.com', 'mask-h2.icloud.com'])('%s does not exist if canaries are hidden, and is forwarded otherwise', name => {
    const hidden = new Net({ hidesCanaries: true }).ask(name)
    expect([hidden.last.rcode, hidden.last.message.authorities.length, hidden.sent.length]).toEqual(['NXDOMAIN', 1, 0])
    expect(new Net().ask(name).sent.length).toBe(1)
  })

  test('a canary name that is registered is answered as registered', () => {
    const net = new Net({ hidesCanaries: true })
    register(net, 'mask.icloud.com', 'A', '192.0.2.9')
    expect(net.ask('mask.icloud.com').last.data).toEqual(['192.0.2.9'])
  })

  test('a CNAME is followed within the zone, and on to an upstream', () => {
    const net = new Net()
    register(net, 'www.home', 'CNAME', 'a.home.')
    register(net, 'a.home', 'CNAME', 'far.example.org.')
    net.ask('www.home').reply(0, [record('far.example.org', TYPE.A, '203.0.113.1')])
    expect(net.last).toMatchObject({ rcode: 'NOERROR', source: 'upstream', data: ['a.home.', 'far.example.org.', '203.0.113.1'] })
  })

  test('without RD an alias that points elsewhere is returned alone', () => {
    const net = new Net()
    register(net, 'www.home', 'CNAME', 'far.example.org.')
    const { rcode, data, message } = net.ask('www.home', 'A', { change: query => ({ ...query, header: { ...query.header, rd: false } }) }).last
    expect([rcode, data, message.header.aa, net.sent]).toEqual(['NOERROR', ['far.example.org.'], true, []])
  })

  test('a loop of CNAMEs ends in SERVFAIL, without any of them', () => {
    const net = new Net()
    register(net, 'a.home', 'CNAME', 'b.home.')
    register(net, 'b.home', 'CNAME', 'a.home.')
    const { rcode, data, message } = net.ask('a.home').last
    expect([rcode, data, message.header.aa]).toEqual(['SERVFAIL', [], false])
  })

  test('a name below a delegation gets a non-authoritative referral, with DS if the client sets DO', () => {
    const net = new Net()
    register(net, 'sub.home', 'NS', 'ns1.sub.home.')
    register(net, 'sub.home', 'DS', '60485 8 1 2bb183af5f22588179a53b0a98631fad1a292118')
    register(net, 'ns1.sub.home', 'A', '192.0.2.53')
    register(net, 'www.home', 'CNAME', 'www.sub.home.')
    const types = (records: Message['answers']) => records.map(({ type }) => type)
    const { rcode, data, source, message } = net.ask('www.sub.home').last
    expect([rcode, data, source, message.header.aa, types(message.authorities), types(message.additionals)]).toEqual(['NOERROR', [], 'zone', false, [TYPE.NS], [TYPE.A, TYPE.OPT]])
    expect(types(net.ask('www.sub.home', 'A', { edns: false }).last.message.additionals)).toEqual([TYPE.A])
    expect(types(net.ask('www.sub.home', 'A', { dnssecOk: true }).last.message.authorities)).toEqual([TYPE.NS, TYPE.DS])
    const aliased = net.ask('www.home').last
    expect([aliased.data, aliased.message.header.aa, types(aliased.message.authorities)]).toEqual([['www.sub.home.'], true, [TYPE.NS]])
    expect(net.sent).toEqual([])
  })

  test('the CNAME synthesized from a DNAME is followed within the zone, and on to an upstream', () => {
    const net = new Net()
    register(net, 'old.home', 'DNAME', 'new.home.')
    register(net, 'a.new.home', 'A', '192.0.2.1')
    register(net, 'far.home', 'DNAME', 'example.org.')
    expect(net.ask('a.old.home').last).toMatchObject({ rcode: 'NOERROR', source: 'zone', data: ['new.home.', 'a.new.home.', '192.0.2.1'] })
    expect(net.ask('b.old.home').last).toMatchObject({ rcode: 'NXDOMAIN', data: ['new.home.', 'b.new.home.'] })
    net.ask('www.far.home').reply(0, [record('www.example.org', TYPE.A, '203.0.113.1')])
    expect(net.last).toMatchObject({ rcode: 'NOERROR', source: 'upstream', data: ['example.org.', 'www.example.org.', '203.0.113.1'] })
    expect(net.ask(`${`${'x'.repeat(60)}.`.repeat(4)}far.home`).last.rcode).toBe('YXDOMAIN')
  })

  test('ANY gets a small answer for every name', () => {
    expect(new Net().ask('example.org', 'ANY').last.data).toEqual(['"RFC8482" ""'])
  })
})

describe('invalid queries', () => {
  test('a response gets no answer, nor does a packet shorter than a header', () => {
    const net = new Net().ask('a.home', 'A', { change: query => ({ ...query, header: { ...query.header, qr: true } }) }).bytes(new Uint8Array(11))
    expect(net.answers).toEqual([])
  })

  test.each<[string, string, (query: Message) => Message, boolean?]>([
    ['another opcode', 'NOTIMP', query => ({ ...query, header: { ...query.header, opcode: 2 } })],
    ['no question', 'FORMERR', query => ({ ...query, questions: [] })],
    ['two questions', 'FORMERR', query => ({ ...query, questions: [...query.questions, ...query.questions] })],
    ['two OPT records', 'FORMERR', query => ({ ...query, additionals: [...query.additionals, ...query.additionals] }), false],
    ['class CH', 'REFUSED', query => ({ ...query, questions: [{ name: 'version.bind', type: TYPE.TXT, class: CLASS.CH }] })],
    ['a zone transfer', 'REFUSED', query => ({ ...query, questions: [{ name: 'home', type: TYPE.AXFR, class: CLASS.IN }] })],
  ])('%s gets %s, with EDNS if the query has it', (_title, rcode, change, hasEdns = true) => {
    const { last } = new Net().ask('a.home', 'A', { change })
    expect([last.rcode, last.message.additionals.length]).toEqual([rcode, hasEdns ? 1 : 0])
  })

  test('a truncated query gets FORMERR with its id', () => {
    const query = encodeMessage(queryFor({ name: 'a.home', type: 1, class: 1 }, 4242))
    const { rcode, message } = new Net().bytes(query.subarray(0, 20)).last
    expect([rcode, message.header.id]).toEqual(['FORMERR', 4242])
  })

  test('another EDNS version gets BADVERS, split between header and OPT', () => {
    const opt = optRecord({ rcode: 0, dnssecOk: false })
    const { message } = new Net().ask('a.home', 'A', { change: query => ({ ...query, additionals: [{ ...opt, ttl: 1 << 16 }] }) }).last
    expect([message.header.rcode, (message.additionals[0]?.ttl ?? 0) >>> 24]).toEqual([0, 1])
  })
})

describe('size', () => {
  const crowded = () => {
    const net = new Net()
    for (let index = 1; index <= 50; index++) register(net, 'many.home', 'A', `192.0.2.${index}`)
    return net
  }

  test('the limit is 512 octets without EDNS, then TC; TCP has none', () => {
    const net = crowded().ask('many.home', 'A', { edns: false })
    expect([net.last.message.header.tc, net.last.data.length, net.last.message.additionals.length]).toEqual([true, 0, 0])
    expect(net.ask('many.home', 'A', { edns: false, tcp: true }).last.data).toHaveLength(50)
  })

  test('the limit with EDNS is 1232 octets, however much a client offers', () => {
    const net = crowded().ask('many.home')
    expect([net.last.message.header.tc, net.last.data.length]).toEqual([false, 50])
    for (let index = 51; index <= 90; index++) register(net, 'many.home', 'A', `192.0.2.${index}`)
    net.ask('many.home', 'A', { change: query => ({ ...query, additionals: [{ ...optRecord({ rcode: 0, dnssecOk: true }), class: 65_535 }] }) })
    expect([net.last.message.header.tc, net.last.data.length, net.answers[1]?.bytes.length]).toEqual([true, 0, 38])
    expect((net.last.message.additionals[0]?.ttl ?? 0) & 0x8000).toBe(0x8000)
  })
})

describe('an answer from the packet cache', () => {
  test('equals the previous answer, until the zone changes', () => {
    const net = new Net()
    register(net, 'a.home', 'A', '192.0.2.1')
    expect(net.askAtOnce('a.home')).toBeUndefined()
    expect(net.ask('a.home').askAtOnce('a.home')).toEqual(net.last.message)
    register(net, 'b.home', 'A', '192.0.2.2')
    expect(net.askAtOnce('a.home')).toBeUndefined()
    register(net, 'a.home', 'A', '192.0.2.3')
    expect([net.ask('a.home').last.data.length, net.askAtOnce('a.home')?.answers.length]).toEqual([2, 2])
  })

  test('never reflects the zone before a change', () => {
    const net = new Net()
    register(net, 'a.home', 'A', '192.0.2.1')
    net.ask('a.home').ask('b.home')
    net.zone.apply({ change: 'unregister', name: 'a.home' })
    net.ask('b.home')
    expect([net.askAtOnce('a.home'), net.askAtOnce('b.home')?.header.rcode]).toEqual([undefined, 3])
  })

  test('may come from an upstream, until it expires or the cache is flushed, but is never a failure', () => {
    const net = new Net().ask('www.example.org').reply(0, [record('www.example.org', TYPE.A, '203.0.113.7')]).ask('www.example.org')
    expect(net.askAtOnce('www.example.org')).toEqual(net.last.message)
    net.server.flush()
    expect(net.askAtOnce('www.example.org')).toBeUndefined()
    net.ask('broken.example.org').runUntil(60_000)
    expect([net.last.rcode, net.askAtOnce('broken.example.org')]).toEqual(['SERVFAIL', undefined])
  })
})

describe('forwarded names', () => {
  const A = [record('www.example.org', TYPE.A, '203.0.113.7')]

  test('an unknown name is forwarded once, and cached', () => {
    const net = new Net().ask('www.example.org').ask('WWW.example.org')
    expect(net.sent).toHaveLength(1)
    expect(net.sent[0]).toMatchObject({ to: FIRST, query: { header: { rd: true, qr: false } } })
    net.reply(0, A)
    expect(net.answers).toHaveLength(2)
    expect(net.last).toMatchObject({ rcode: 'NOERROR', source: 'upstream', data: ['203.0.113.7'] })
    net.runUntil(100_000).ask('www.example.org')
    expect([net.last.source, net.last.message.answers[0]?.ttl, net.last.message.header.aa]).toEqual(['cache', 200, false])
    expect(net.over.size).toBe(1)
  })

  test.each<[string, (message: Message) => Message]>([
    ['another id', message => ({ ...message, header: { ...message.header, id: message.header.id ^ 1 } })],
    ['another name', message => ({ ...message, questions: [{ name: 'evil.example.org', type: 1, class: 1 }] })],
    ['another type', message => ({ ...message, questions: [{ name: 'www.example.org', type: 28, class: 1 }] })],
    ['QR clear', message => ({ ...message, header: { ...message.header, qr: false } })],
  ])('a reply with %s is ignored, and the genuine one is accepted', (_title, forge) => {
    const net = new Net().ask('www.example.org').reply(0, [record('www.example.org', TYPE.A, '192.0.2.66')], forge)
    expect(net.answers).toEqual([])
    expect(net.reply(0, A).last.data).toEqual(['203.0.113.7'])
  })

  test('unrequested records are dropped', () => {
    const net = new Net().ask('www.example.org').reply(0, [...A, record('bank.example.com', TYPE.A, '192.0.2.66')])
    expect(net.last.data).toEqual(['203.0.113.7'])
    expect(net.ask('bank.example.com').sent).toHaveLength(2)
  })

  test('a silent upstream is followed by the next, each query with another id; a late answer counts', () => {
    const net = new Net({ upstreams: [FIRST, SECOND] }).ask('www.example.org').runUntil(1300)
    expect(net.sent.map(({ atMs, to }) => [atMs, to])).toEqual([[0, FIRST], [400, SECOND], [1200, FIRST]])
    expect(new Set(net.sent.map(({ query }) => query.header.id)).size).toBe(3)
    expect(net.reply(0, A).last.data).toEqual(['203.0.113.7'])
  })

  test('if no upstream answers: SERVFAIL before 4 s, with the reason', () => {
    const net = new Net({ upstreams: [FIRST, SECOND] }).ask('www.example.org').runUntil(4000)
    expect([net.last.rcode, net.last.source, net.last.atMs]).toEqual(['SERVFAIL', 'none', 3800])
    expect(net.events.find(event => event.name === 'upstream')).toMatchObject({ trouble: expect.stringContaining('192.0.2.53:53 does not answer, 198.51.100.53:53 does not answer') })
    expect(net.over.size).toBe(net.sent.length)
    expect(net.server.deadlineMs()).toBe(Infinity)
  })

  test('if all upstreams refuse: SERVFAIL at once; the trouble ends when one answers again', () => {
    const net = new Net({ upstreams: [FIRST, SECOND] }).ask('www.example.org').refuse(0).refuse(1)
    expect([net.last.rcode, net.last.atMs]).toEqual(['SERVFAIL', 0])
    net.ask('www.example.org').reply(2, A)
    expect(net.events.filter(event => event.name === 'upstream').map(event => event.name === 'upstream' && event.trouble !== undefined)).toEqual([true, false])
  })

  test('after SERVFAIL the next upstream is queried, and the one that answers goes first from then on', () => {
    const net = new Net({ upstreams: [FIRST, SECOND] }).ask('www.example.org').reply(0, [], message => ({ ...message, header: { ...message.header, rcode: 2 } })).reply(1, A)
    expect(net.last.data).toEqual(['203.0.113.7'])
    expect(net.ask('other.example.org').sent[2]?.to).toBe(SECOND)
    expect(net.events.filter(event => event.name === 'upstream')).toEqual([])
  })

  test('a stale answer is served after 1.8 s, the fresh one is still cached, and nobody waits twice', () => {
    const net = new Net().ask('www.example.org').reply(0, A).runUntil(400_000).ask('www.example.org').runUntil(401_800)
    expect(net.last).toMatchObject({ source: 'stale', atMs: 401_800, data: ['203.0.113.7'] })
    expect(net.last.message.answers[0]?.ttl).toBe(30)
    expect(net.ask('www.example.org').last).toMatchObject({ source: 'stale', atMs: 401_800 })
    net.reply(1, [record('www.example.org', TYPE.A, '203.0.113.8')])
    expect(net.answers).toHaveLength(3)
    expect(net.ask('www.example.org').last).toMatchObject({ source: 'cache', data: ['203.0.113.8'] })
  })

  test('if the upstream refuses, a stale answer is served at once', () => {
    const net = new Net().ask('www.example.org').reply(0, A).runUntil(400_000).ask('www.example.org').refuse(1)
    expect(net.last).toMatchObject({ source: 'stale', atMs: 400_000 })
  })

  test('after a truncated reply the query is repeated over TCP', () => {
    const net = new Net().ask('www.example.org').reply(0, [], message => ({ ...message, header: { ...message.header, tc: true } }))
    expect(net.sent[1]?.to).toBe(`${FIRST} by TCP`)
    expect(net.reply(1, A).last.data).toEqual(['203.0.113.7'])
  })

  test('without RD nothing is forwarded', () => {
    const net = new Net().ask('www.example.org', 'A', { change: query => ({ ...query, header: { ...query.header, rd: false } }) })
    expect([net.last.rcode, net.sent.length]).toEqual(['REFUSED', 0])
  })

  test('a malformed reply is ignored, and a late one is not taken for a query', () => {
    const net = new Net().ask('www.example.org')
    const { upstreamQuery } = net.sent[0] ?? expect.unreachable('a query was sent')
    net.server.receiveReply(Uint8Array.of(1, 2, 3), upstreamQuery, 0)
    expect(net.reply(0, A).last.rcode).toBe('NOERROR')
    net.server.receiveReply(encodeMessage(queryFor({ name: 'a.home', type: 1, class: 1 }, 1)), upstreamQuery, 0)
    expect(net.server.outbox).toEqual([])
  })

  test('questions beyond the limit in flight fail at once', () => {
    const net = new Net()
    for (let index = 0; index < FLIGHTS_MAX; index++) net.ask(`n${index}.example.org`)
    expect(net.answers).toEqual([])
    expect(net.ask('one-more.example.org').last.rcode).toBe('SERVFAIL')
  })

  test('without an upstream: SERVFAIL', () => {
    expect(new Net({ upstreams: [] }).ask('www.example.org').last.rcode).toBe('SERVFAIL')
  })
})
