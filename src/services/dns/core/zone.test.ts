import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { UsageError } from '../../kit/errors.ts'
import { parseAdminLine } from './admin.ts'
import { formatRdata } from '../wire/rdata.ts'
import { formatType, parseType } from '../wire/types.ts'
import { RECORDS_OF_NAME_MAX, type ZoneChange } from './zone-change.ts'
import { NAMES_MAX, Zone } from './zone.ts'

let zone: Zone
beforeEach(() => { zone = new Zone() })

function change(line: string): ZoneChange {
  const command = parseAdminLine(line)
  if (command.verb !== 'change') throw new Error(`${line} is no change`)
  return command.change
}
const run = (...lines: string[]) => lines.forEach(line => zone.apply(change(line)))
const look = (name: string, type: string) => {
  const answer = zone.lookup(name, parseType(type) ?? 0)
  if (answer === undefined || answer.kind === 'nodata' || answer.kind === 'nxdomain') return answer?.kind
  return (answer.kind === 'alias' ? [answer.record] : answer.records).map(record => `${formatType(record.type)} ${formatRdata(record.type, record.rdata)}`)
}

test('a registered name is found, whatever the case', () => {
  run('REGISTER My-App.home 192.168.1.50')
  expect(look('my-app.HOME', 'A')).toEqual(['A 192.168.1.50'])
})

test('the same family again replaces, the other family adds', () => {
  run('REGISTER a.home 192.0.2.1', 'REGISTER a.home 2001:db8::1', 'REGISTER a.home 192.0.2.2')
  expect([look('a.home', 'A'), look('a.home', 'AAAA')]).toEqual([['A 192.0.2.2'], ['AAAA 2001:db8::1']])
})

test('a record of a named type is added once', () => {
  run('REGISTER a.home A 192.0.2.1', 'REGISTER a.home A 192.0.2.2', 'REGISTER a.home A 192.0.2.2')
  expect(look('a.home', 'A')).toEqual(['A 192.0.2.1', 'A 192.0.2.2'])
})

test('below the apex: the type is missing, the name is missing, or a name lies below', () => {
  run('REGISTER _http._tcp.a.home SRV 0 0 80 a.home')
  expect([look('_http._tcp.a.home', 'A'), look('_tcp.a.home', 'SRV'), look('b.home', 'A'), look('home', 'A')]).toEqual(['nodata', 'nodata', 'nxdomain', 'nodata'])
  run('UNREGISTER _http._tcp.a.home')
  expect(look('_tcp.a.home', 'SRV')).toBe('nxdomain')
})

test('outside the apex only registered names are known', () => {
  run('REGISTER router.example.org 192.0.2.1')
  expect([look('router.example.org', 'A'), look('router.example.org', 'MX'), look('example.org', 'A'), look('x.router.example.org', 'A')]).toEqual([['A 192.0.2.1'], 'nodata', undefined, undefined])
})

test('an address leads back to its names until they are gone', () => {
  run('REGISTER a.home 192.0.2.1', 'REGISTER b.home 192.0.2.1', 'REGISTER six.home 2001:db8::1')
  expect(look('1.2.0.192.in-addr.arpa', 'PTR')).toEqual(['PTR a.home.', 'PTR b.home.'])
  expect(look(`1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`, 'PTR')).toEqual(['PTR six.home.'])
  expect(look('1.2.0.192.in-addr.arpa', 'A')).toBe('nodata')
  expect(zone.hasBelow('0.192.in-addr.arpa')).toBe(true)
  run('UNREGISTER a.home', 'REGISTER b.home 198.51.100.9')
  expect(look('1.2.0.192.in-addr.arpa', 'PTR')).toBeUndefined()
  expect(zone.hasBelow('2.0.192.in-addr.arpa')).toBe(false)
})

test('a registered PTR goes before the automatic one', () => {
  run('REGISTER a.home 192.0.2.1', 'REGISTER 1.2.0.192.in-addr.arpa PTR chosen.home')
  expect(look('1.2.0.192.in-addr.arpa', 'PTR')).toEqual(['PTR chosen.home.'])
})

test('a CNAME is the answer to every type, and stands alone', () => {
  run('REGISTER www.home CNAME a.home')
  expect(look('www.home', 'AAAA')).toEqual(['CNAME a.home.'])
  expect(() => run('REGISTER www.home 192.0.2.1')).toThrow(/stands alone/)
  run('REGISTER a.home 192.0.2.1', 'REGISTER www.home CNAME b.home')
  expect(look('www.home', 'A')).toEqual(['CNAME b.home.'])
  expect(() => run('REGISTER a.home CNAME b.home')).toThrow(UsageError)
})

test('ANY gets one small record', () => {
  run('REGISTER a.home 192.0.2.1')
  expect(look('a.home', 'ANY')).toEqual(['HINFO "RFC8482" ""'])
  expect(look('b.home', 'ANY')).toBe('nxdomain')
})

test('what is not there cannot be unregistered, nor what belongs to the zone itself', () => {
  run('REGISTER a.home 192.0.2.1')
  for (const line of ['UNREGISTER b.home', 'UNREGISTER a.home TXT', 'UNREGISTER home', 'UNREGISTER home SOA']) expect(() => run(line)).toThrow(UsageError)
  expect(look('a.home', 'A')).toEqual(['A 192.0.2.1'])
})

test('the serial goes up with each change', () => {
  const serial = () => Number(String(look('home', 'SOA')).split(' ')[3])
  const before = serial()
  run('REGISTER a.home 192.0.2.1', 'UNREGISTER a.home')
  expect(serial()).toBe(before + 2)
})

test('names and records of a name are limited', () => {
  for (let index = 0; index < NAMES_MAX; index++) zone.apply({ change: 'register', name: `n${index}.home`, type: 'A', rdata: '192.0.2.1', replace: true })
  expect(zone.size).toBe(NAMES_MAX)
  expect(() => run('REGISTER one-more.home 192.0.2.1')).toThrow(/limit/)
  for (let index = 1; index < RECORDS_OF_NAME_MAX; index++) run(`REGISTER n1.home TXT ${index}`)
  expect(() => run('REGISTER n1.home TXT more')).toThrow(/limit/)
})

test('changes made twice over leave the zone as once: a journal may be read again', () => {
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
  fc.assert(fc.property(fc.array(line, { maxLength: 20 }), lines => {
    const good = accepted(lines)
    const twice = new Zone()
    const once = play(twice, good)
    expect(play(twice, good)).toEqual(once)
  }))
})
