import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { UsageError } from '../../../kit/errors.ts'
import { parseAdminLine } from '../admin/admin.ts'
import { apexRecords, isNewerSerial, withSerial } from './apex.ts'
import type { ResourceRecord } from '../../wire/message.ts'
import { formatRdata } from '../../wire/rdata.ts'
import { formatType, parseType, TYPE } from '../../wire/types.ts'
import type { ZoneChange } from './zone-change.ts'
import { NAMES_MAX, RECORDS_OF_NAME_MAX, ZoneContent } from './zone-content.ts'
import { ZoneHistory } from './zone-history.ts'
import { Zone } from './zone.ts'

let zone: Zone
beforeEach(() => { zone = new Zone() })

function change(line: string): ZoneChange {
  const command = parseAdminLine(line)
  if (command.verb !== 'change') throw new Error(`${line} is not a change`)
  return command.change
}
const run = (...lines: string[]) => lines.forEach(line => zone.apply(change(line)))
const look = (name: string, type: string) => {
  const answer = zone.lookup(name, parseType(type) ?? 0)
  const text = ({ name: owner, type: number, rdata }: ResourceRecord) => `${owner === name ? '' : `${owner} `}${formatType(number)} ${formatRdata(number, rdata)}`
  switch (answer?.kind) {
    case 'records': return answer.records.map(({ type: number, rdata }) => `${formatType(number)} ${formatRdata(number, rdata)}`)
    case 'alias': return [text(answer.record)]
    case 'redirection': return [answer.dname, ...answer.alias === undefined ? [] : [answer.alias]].map(text)
    case 'referral': return [...answer.servers, ...answer.keys, ...answer.glue].map(text)
    default: return answer?.kind
  }
}

test('a registered name is found in any case', () => {
  run('REGISTER My-App.home 192.168.1.50')
  expect(look('my-app.HOME', 'A')).toEqual(['A 192.168.1.50'])
})

test('an address replaces those of its family and keeps those of the other', () => {
  run('REGISTER a.home 192.0.2.1', 'REGISTER a.home 2001:db8::1', 'REGISTER a.home 192.0.2.2')
  expect([look('a.home', 'A'), look('a.home', 'AAAA')]).toEqual([['A 192.0.2.2'], ['AAAA 2001:db8::1']])
})

test('a record registered by type is added, but only once', () => {
  run('REGISTER a.home A 192.0.2.1', 'REGISTER a.home A 192.0.2.2', 'REGISTER a.home A 192.0.2.2')
  expect(look('a.home', 'A')).toEqual(['A 192.0.2.1', 'A 192.0.2.2'])
})

test('below the apex: no data for a missing type or an empty non-terminal, NXDOMAIN for a missing name', () => {
  run('REGISTER _http._tcp.a.home SRV 0 0 80 a.home')
  expect([look('_http._tcp.a.home', 'A'), look('_tcp.a.home', 'SRV'), look('b.home', 'A'), look('home', 'A')]).toEqual(['nodata', 'nodata', 'nxdomain', 'nodata'])
  run('UNREGISTER _http._tcp.a.home')
  expect(look('_tcp.a.home', 'SRV')).toBe('nxdomain')
})

test('the SOA has its negative-caching TTL in a negative answer, its own in a transfer', () => {
  const ttl = (name: string) => {
    const answer = zone.lookup(name, TYPE.MX)
    return answer !== undefined && 'soa' in answer ? answer.soa.ttl : answer
  }
  run('REGISTER a.home 192.0.2.1')
  for (const [own, minimum, negative] of [[3600, 60, 60], [30, 60, 30]] as const) {
    zone.apply({ change: 'register', name: 'home', type: 'SOA', rdata: `localhost. x.home. ${zone.serial + 1} 1 1 1 ${minimum}`, replace: false, ttl: own })
    expect([ttl('a.home'), ttl('b.home'), zone.soa.ttl]).toEqual([negative, negative, own])
  }
})

test('outside the apex only registered names are known', () => {
  run('REGISTER router.example.org 192.0.2.1')
  expect([look('router.example.org', 'A'), look('router.example.org', 'MX'), look('example.org', 'A'), look('x.router.example.org', 'A')]).toEqual([['A 192.0.2.1'], 'nodata', undefined, undefined])
})

test('the reverse lookup of an address finds its names until they are removed', () => {
  run('REGISTER a.home 192.0.2.1', 'REGISTER b.home 192.0.2.1', 'REGISTER six.home 2001:db8::1')
  expect(look('1.2.0.192.in-addr.arpa', 'PTR')).toEqual(['PTR a.home.', 'PTR b.home.'])
  expect(look(`1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`, 'PTR')).toEqual(['PTR six.home.'])
  expect(look('1.2.0.192.in-addr.arpa', 'A')).toBe('nodata')
  expect(zone.hasBelow('0.192.in-addr.arpa')).toBe(true)
  run('UNREGISTER a.home', 'REGISTER b.home 198.51.100.9')
  expect(look('1.2.0.192.in-addr.arpa', 'PTR')).toBeUndefined()
  expect(zone.hasBelow('2.0.192.in-addr.arpa')).toBe(false)
})

test('a registered PTR record takes precedence over the synthesized one', () => {
  run('REGISTER a.home 192.0.2.1', 'REGISTER 1.2.0.192.in-addr.arpa PTR chosen.home')
  expect(look('1.2.0.192.in-addr.arpa', 'PTR')).toEqual(['PTR chosen.home.'])
})

test('a CNAME is the answer for every type, and excludes other records', () => {
  run('REGISTER www.home CNAME a.home')
  expect(look('www.home', 'AAAA')).toEqual(['CNAME a.home.'])
  expect(() => run('REGISTER www.home 192.0.2.1')).toThrow(/a CNAME excludes other records/)
  run('REGISTER a.home 192.0.2.1', 'REGISTER www.home CNAME b.home')
  expect(look('www.home', 'A')).toEqual(['CNAME b.home.'])
  expect(() => run('REGISTER a.home CNAME b.home')).toThrow(UsageError)
})

test('ANY gets one small record', () => {
  run('REGISTER a.home 192.0.2.1')
  expect(look('a.home', 'ANY')).toEqual(['HINFO "RFC8482" ""'])
  expect(look('b.home', 'ANY')).toBe('nxdomain')
  run('REGISTER www.home CNAME a.home', 'REGISTER old.home DNAME new.home')
  expect([look('www.home', 'ANY'), look('x.old.home', 'ANY')]).toEqual([['CNAME a.home.'], ['DNAME new.home.', 'CNAME x.new.home.']])
})

test("neither missing records nor the zone's own can be unregistered", () => {
  run('REGISTER a.home 192.0.2.1')
  for (const line of ['UNREGISTER b.home', 'UNREGISTER a.home TXT', 'UNREGISTER home', 'UNREGISTER home SOA']) expect(() => run(line)).toThrow(UsageError)
  expect(look('a.home', 'A')).toEqual(['A 192.0.2.1'])
})

test('a wildcard covers missing names at any depth, but neither existing names nor those below one', () => {
  run('REGISTER *.home 192.0.2.1', 'REGISTER a.b.home 192.0.2.2', 'REGISTER c.home TXT here')
  expect(['x.home', 'y.x.home', 'X.Y.HOME'].map(name => look(name, 'A'))).toEqual(Array(3).fill(['A 192.0.2.1']))
  // b.home exists without records and c.home without this type; names below them have a different closest encloser.
  expect(['b.home', 'c.home', 'd.b.home', 'd.c.home', 'home'].map(name => look(name, 'A'))).toEqual(['nodata', 'nodata', 'nxdomain', 'nxdomain', 'nodata'])
  expect([look('x.home', 'MX'), look('*.home', 'A'), look('y.*.home', 'A')]).toEqual(['nodata', ['A 192.0.2.1'], 'nxdomain'])
  run('UNREGISTER a.b.home')
  expect([look('b.home', 'A'), look('a.b.home', 'A')]).toEqual([['A 192.0.2.1'], ['A 192.0.2.1']])
})

test('records from a wildcard have the name in the question as their owner', () => {
  run('REGISTER *.dev.home 192.0.2.1', 'REGISTER *.www.home CNAME a.home')
  expect(zone.lookup('My-Box.dev.home', TYPE.A)).toMatchObject({ kind: 'records', records: [{ name: 'My-Box.dev.home' }] })
  expect(zone.lookup('x.www.home', TYPE.AAAA)).toMatchObject({ kind: 'alias', record: { name: 'x.www.home', type: TYPE.CNAME } })
  expect(zone.lookup('x.dev.home', TYPE.ANY)).toMatchObject({ kind: 'records', records: [{ name: 'x.dev.home', type: TYPE.HINFO }] })
})

test('a name below a delegation gets a referral, with the known addresses of the name servers', () => {
  run('REGISTER sub.home NS ns1.sub.home', 'REGISTER sub.home NS ns.example.org', 'REGISTER ns1.sub.home 192.0.2.53', 'REGISTER ns1.sub.home 2001:db8::53')
  run('REGISTER sub.home DS 60485 8 1 2bb183af5f22588179a53b0a98631fad1a292118', 'REGISTER *.home 192.0.2.1', 'REGISTER a.sub.home NS ns.other.home')
  const keys = 'DS 60485 8 1 2bb183af5f22588179a53b0a98631fad1a292118'
  const below = ['sub.home NS ns1.sub.home.', 'sub.home NS ns.example.org.', `sub.home ${keys}`, 'ns1.sub.home A 192.0.2.53', 'ns1.sub.home AAAA 2001:db8::53']
  for (const name of ['www.sub.home', 'x.y.sub.home', 'a.sub.home', 'b.a.sub.home']) expect([look(name, 'A'), look(name, 'ANY')], name).toEqual([below, below])
  expect(look('sub.home', 'NS')).toEqual(['NS ns1.sub.home.', 'NS ns.example.org.', keys, ...below.slice(3)])
  // The DS record belongs to this side of the cut, and the zone's own NS does not make a cut.
  expect([look('sub.home', 'DS'), look('home', 'NS'), look('other.home', 'A')]).toEqual([[keys], ['NS localhost.'], ['A 192.0.2.1']])
  run('UNREGISTER sub.home', 'UNREGISTER a.sub.home')
  expect([look('www.sub.home', 'A'), look('ns1.sub.home', 'A')]).toEqual(['nxdomain', ['A 192.0.2.53']])
})

test('names below a DNAME are aliases for those below its target, but the owner itself is not', () => {
  run('REGISTER old.home DNAME New.home', 'REGISTER old.home TXT here', 'REGISTER hidden.old.home 192.0.2.9')
  const redirected = ['old.home DNAME New.home.', 'CNAME A.b.New.home.']
  expect([look('A.b.old.home', 'A'), look('A.b.old.home', 'CNAME')]).toEqual([redirected, ['DNAME New.home.', 'CNAME A.b.New.home.']])
  expect([look('hidden.old.home', 'A'), look('old.home', 'TXT'), look('old.home', 'A'), look('xold.home', 'A')])
    .toEqual([['old.home DNAME New.home.', 'CNAME hidden.New.home.'], ['TXT "here"'], 'nodata', 'nxdomain'])
  run('REGISTER old.home DNAME .')
  expect(look('a.old.home', 'A')).toEqual(['old.home DNAME .', 'CNAME a.'])
  run(`REGISTER old.home DNAME ${Array.from({ length: 4 }, () => 'x'.repeat(60)).join('.')}`)
  expect([look('123456789.old.home', 'A'), look('1234567890.old.home', 'A')].map(found => found?.length)).toEqual([2, 1])
})

test('outside the apex, NS and DNAME are ordinary records: names below them are left to other servers', () => {
  run('REGISTER lab.example NS ns.lab.example', 'REGISTER old.example DNAME dev.home')
  expect([look('lab.example', 'NS'), look('x.lab.example', 'A'), look('x.old.example', 'A')]).toEqual([['NS ns.lab.example.'], undefined, undefined])
})

test('a wildcard without records of its own hides others and synthesizes nothing', () => {
  run('REGISTER x.*.home 192.0.2.1')
  expect([look('y.home', 'A'), look('z.y.home', 'A'), look('x.*.home', 'A')]).toEqual(['nodata', 'nodata', ['A 192.0.2.1']])
})

test('a wildcard outside the apex covers its names; all others are left to other servers', () => {
  run('REGISTER *.lab.example 192.0.2.1', 'REGISTER box.lab.example 192.0.2.2')
  expect([look('x.lab.example', 'A'), look('y.x.lab.example', 'A'), look('x.lab.example', 'MX')]).toEqual([['A 192.0.2.1'], ['A 192.0.2.1'], 'nodata'])
  expect(['lab.example', 'example', 'x.example', 'x.box.lab.example'].map(name => look(name, 'A'))).toEqual(Array(4).fill(undefined))
})

test("a wildcard's address has no reverse lookup", () => {
  run('REGISTER *.dev.home 192.0.2.1', 'REGISTER a.home 192.0.2.1')
  expect(look('1.2.0.192.in-addr.arpa', 'PTR')).toEqual(['PTR a.home.'])
  run('UNREGISTER *.dev.home', 'UNREGISTER a.home')
  expect(look('1.2.0.192.in-addr.arpa', 'PTR')).toBeUndefined()
})

test('the reverse lookup of an address with many names yields the first of them', () => {
  for (let index = 0; index < 300; index++) run(`REGISTER n${index}.home 192.0.2.1`)
  run('UNREGISTER n0.home')
  const pointers = look('1.2.0.192.in-addr.arpa', 'PTR')
  expect([pointers?.length, pointers?.[0]]).toEqual([100, 'PTR n1.home.'])
})

test('each change increments the serial', () => {
  const serial = () => Number(String(look('home', 'SOA')).split(' ')[3])
  const before = serial()
  run('REGISTER a.home 192.0.2.1', 'UNREGISTER a.home')
  expect(serial()).toBe(before + 2)
})

test('more than a million names are accepted, up to the limit', { timeout: 60_000 }, () => {
  const content = new ZoneContent()
  for (let index = 0; index < NAMES_MAX; index++) content.add(content.nodeFor(`n${index}.home`), TYPE.A, 10, Uint8Array.of(192, 0, 2, 1))
  zone.load(content)
  expect(zone.size).toBe(NAMES_MAX)
  expect(() => run('REGISTER one-more.home 192.0.2.1')).toThrow(/limit/)
  run('UNREGISTER n7.home', 'REGISTER one-more.home 192.0.2.2')
  expect([look('one-more.home', 'A'), look('n8.home', 'A'), look('n7.home', 'A')]).toEqual([['A 192.0.2.2'], ['A 192.0.2.1'], 'nxdomain'])
})

test('the number of records of a name is limited', () => {
  for (let index = 0; index < RECORDS_OF_NAME_MAX; index++) run(`REGISTER n1.home TXT ${index}`)
  expect(() => run('REGISTER n1.home TXT more')).toThrow(/limit/)
})

test('records are listed with the SOA first, then the apex, then the names in order of registration', () => {
  run('REGISTER b.home 192.0.2.1', 'REGISTER home TXT x', 'REGISTER a.home 192.0.2.1')
  expect([...zone.records()].map(({ name, type }) => `${name} ${formatType(type)}`)).toEqual(['home SOA', 'home NS', 'home TXT', 'b.home A', 'a.home A'])
})

test('the generation increments with every change and load, and with nothing else', () => {
  const before = zone.generation
  run('REGISTER a.home 192.0.2.1')
  expect(() => run('UNREGISTER b.home')).toThrow(UsageError)
  look('a.home', 'A')
  expect(zone.generation).toBe(before + 1)
  zone.load(new ZoneContent())
  expect(zone.generation).toBe(before + 2)
})

test('the newer of the loaded serial and the least serial wins, and serials wrap around', () => {
  const content = () => {
    const made = new ZoneContent()
    for (const { type, ttl, rdata } of apexRecords(100)) made.add(made.apex, type, ttl, rdata)
    return made
  }
  const after = [undefined, 99, 100, 101, 0xffffffff].map(leastSerial => {
    zone.load(content(), leastSerial)
    return zone.serial
  })
  expect(after).toEqual([100, 100, 100, 101, 100])
  zone.load(new ZoneContent(), 0xffffffff)
  run('REGISTER a.home 192.0.2.1')
  expect(zone.serial).toBe(0)
})

test('replaying all changes leaves the zone the same: a journal may be read twice', () => {
  const line = fc.constantFrom(
    'REGISTER a.home 192.0.2.1', 'REGISTER a.home 192.0.2.2', 'REGISTER a.home A 192.0.2.3', 'REGISTER a.home 2001:db8::1', 'REGISTER a.home TXT x',
    'UNREGISTER a.home', 'UNREGISTER a.home A', 'REGISTER b.home CNAME a.home', 'UNREGISTER b.home', 'REGISTER b.home 198.51.100.9')
  const play = (target: Zone, lines: readonly string[]) => {
    for (const one of lines) {
      try {
        target.apply(change(one))
      } catch (error) {
        if (!(error instanceof UsageError)) throw error
      }
    }
    return [...target.records()].map(record => `${record.name} ${record.type === 6 ? 'SOA' : formatRdata(record.type, record.rdata)}`).sort()
  }
  const accepted = (lines: readonly string[]) => {
    const trial = new Zone()
    return lines.filter(one => {
      try {
        trial.apply(change(one))
        return true
      } catch {
        return false
      }
    })
  }
  fc.assert(fc.property(fc.array(line, { maxLength: 20, size: 'max' }), lines => {
    const good = accepted(lines)
    const twice = new Zone()
    const once = play(twice, good)
    expect(play(twice, good)).toEqual(once)
  }))
})

test.each([
  [1, 0, true], [0, 0xffffffff, true], [0x7fffffff, 0, true], [5, 0x80000006, true], [0, 0, false], [0, 1, false], [0x80000000, 0, false], [0, 0x80000000, false], [0x80000001, 0, false],
])('whether serial %i is newer than %i (RFC 1982 §3.2): %s', (one, other, isNewer) => {
  expect(isNewerSerial(one, other)).toBe(isNewer)
})

test('the newest 1,000 differences are remembered, with at most 20,000 records', () => {
  const history = new ZoneHistory()
  const { soa } = zone
  const remember = (serial: number, records: number) => {
    history.remember({ from: withSerial(soa, serial), to: withSerial(soa, serial + 1), removed: [], added: Array.from({ length: records }, () => soa) })
  }
  for (let serial = 1; serial <= 1001; serial++) remember(serial, 1)
  expect([history.since(1), history.since(2)?.length]).toEqual([undefined, 1000])
  for (const serial of [2000, 2001]) remember(serial, 10_000)
  expect([history.since(1001), history.since(2000)?.length]).toEqual([undefined, 2])
  remember(2002, 1)
  remember(2003, 9999)
  expect([history.since(2000), history.since(2001)?.length]).toEqual([undefined, 3])
})

test('the heap is compacted once more than a megabyte was freed, and keeps its content', () => {
  const content = new ZoneContent()
  for (let n = 0; n < 50; n++) content.add(content.nodeFor(`n${n}.home`), TYPE.A, 60, Uint8Array.of(192, 0, 2, n))
  const all = () => [...content.nodes()].flatMap(node => content.recordsOf(node))
  const before = all()
  let held: ResourceRecord[] = []
  for (let n = 0; n < 22; n++) {
    content.replace('large.home', held, [{ name: 'large.home', type: 65_280, class: 1, ttl: 60, rdata: new Uint8Array(60_000).fill(n) }])
    held = content.recordsOf(content.find('large.home'))
  }
  expect([held.length, held[0]?.rdata.every(octet => octet === 21)]).toEqual([1, true])
  content.replace('large.home', held, [])
  expect([all(), content.find('N49.home'), content.namesWithAddress(Uint8Array.of(192, 0, 2, 49))]).toEqual([before, content.nodeFor('n49.home'), ['n49.home']])
})
