/** dns.zone checked with the tools of BIND and Knot: both load it, and BIND reads the same records. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ResourceRecord } from '../../src/services/dns/wire/message.ts'
import { isWithin } from '../../src/services/dns/wire/name.ts'
import { formatRdata } from '../../src/services/dns/wire/rdata.ts'
import { formatType } from '../../src/services/dns/wire/types.ts'
import { ZoneReader } from '../../src/services/dns/core/zone/zone-reader.ts'
import { formatZone } from '../../src/services/dns/core/zone/zone-writer.ts'
import { Zone } from '../../src/services/dns/core/zone/zone.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hamlet-zone-'))
  file = join(folder, 'dns.zone')
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Every type that an unsigned zone may hold, as octets (RFC 3597), so that the text in the file is our codec's. */
const DATA: readonly (readonly [type: string, rdata: string])[] = [
  ['A', '192.0.2.1'], ['AAAA', '2001:db8::1'], ['TXT', '"two words" "semi;colon" "quote\\"d" "back\\\\slash" "\\255\\000"'], ['MX', '10 mail.home.'], ['PTR', 'a.home.'], ['HINFO', '"PC" ""'],
  ['SRV', '0 5 8080 my-app.home.'],
  ['TYPE35', '\\# 36 0064000a0175074532552b73697014215e2e2a24217369703a696e666f40686f6d652100'], // NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@home!" .
  ['TYPE44', `\\# 34 0402${'ab'.repeat(32)}`], // SSHFP 4 2 abab…
  ['TYPE52', `\\# 35 030101${'cd'.repeat(32)}`], // TLSA 3 1 1 cdcd…
  ['TYPE53', '\\# 6 030000aabbcc'], // SMIMEA 3 0 0 aabbcc
  ['TYPE64', '\\# 36 00010373766304686f6d6500000100060268320268330003000220fb00040004c0000201'], // SVCB 1 svc.home. alpn="h2,h3" port=8443 ipv4hint=192.0.2.1
  ['TYPE65', '\\# 10 00010000010003026832'], // HTTPS 1 . alpn="h2"
  ['TYPE257', '\\# 21 0005697373756563612e6578616d706c652e6e6574'], // CAA 0 issue "ca.example.net"
  ['TYPE256', '\\# 23 000a0001687474703a2f2f6d792d6170702e686f6d652f'], // URI 10 1 "http://my-app.home/"
  ['TYPE17', '\\# 19 026d6504686f6d65000374787404686f6d6500'], // RP me.home. txt.home.
  ['TYPE18', '\\# 12 00010361667304686f6d6500'], // AFSDB 1 afs.home.
  ['TYPE36', '\\# 11 000a026b7804686f6d6500'], // KX 10 kx.home.
  ['TYPE39', '\\# 15 056f74686572076578616d706c6500'], // DNAME other.example.
  ['TYPE65280', '\\# 3 010203'],
]

/** Those that the codec formats as text rather than octets, as BIND does. */
const DATA_AS_TEXT = DATA.filter(([type, rdata]) => type === 'TYPE65280' || !formatOf(type, rdata).startsWith('\\#'))

function formatOf(type: string, rdata: string): string {
  const { added: [record] } = new Zone().apply({ change: 'register', name: 'a.home', type, rdata, replace: false })
  return record === undefined ? expect.unreachable(`${type} is added`) : formatRdata(record.type, record.rdata)
}

function zoneOf(data: typeof DATA): Zone {
  const zone = new Zone()
  const add = (name: string, type: string, rdata: string, ttl?: number) => zone.apply({ change: 'register', name, type, rdata, replace: false, ttl })
  data.forEach(([type, rdata], index) => add(`t${index}.home`, type, rdata, index % 2 === 0 ? 300 : undefined))
  for (const name of ['my-app', 'mail', 'svc', 'ns.delegated']) add(`${name}.home`, 'A', '192.0.2.2')
  add('www.home', 'CNAME', 'my-app.home.')
  add('alias-out.home', 'CNAME', 'www.example.org.')
  add('*.dev.home', 'A', '192.0.2.3')
  add('delegated.home', 'NS', 'ns.delegated.home.')
  add('home', 'TXT', '"at the apex"')
  add('odd\\.label\\032with\\@signs\\$.home', 'TXT', '"odd"')
  add('My-Box.home', 'A', '192.0.2.5')
  return zone
}

const write = (zone: Zone) => writeFileSync(file, [...formatZone(zone)].join(''), 'latin1')

function check(program: string, ...args: string[]): { status: number | null; said: string[] } {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 })
  return { status, said: `${stdout}${stderr}`.split('\n').filter(line => line !== '') }
}

const texts = (records: Iterable<ResourceRecord>) => [...records].filter(({ name }) => isWithin(name, 'home'))
  .map(({ name, ttl, type, rdata }) => `${name.toLowerCase()} ${ttl} ${formatType(type)} ${formatRdata(type, rdata)}`).sort()

test('named-checkzone and kzonecheck load a zone with every type without complaint', () => {
  write(zoneOf(DATA))
  expect(check('named-checkzone', '-i', 'local', 'home', file)).toEqual({ status: 0, said: [expect.stringMatching(/^zone home\/IN: loaded serial \d+$/), 'OK'] })
  expect(check('kzonecheck', '-o', 'home', file)).toEqual({ status: 0, said: [] })
})

test('BIND reads the same records from the file, and Hamlet reads what BIND writes', () => {
  expect(DATA_AS_TEXT.length).toBeGreaterThan(7)
  const zone = zoneOf(DATA_AS_TEXT)
  write(zone)
  const compiled = check('named-compilezone', '-i', 'local', '-s', 'relative', '-o', join(folder, 'compiled'), 'home', file)
  expect(compiled).toMatchObject({ status: 0 })
  const dump = spawnSync('cat', [join(folder, 'compiled')], { encoding: 'latin1' }).stdout
  const reader = new ZoneReader(dump, 'compiled')
  expect(reader.read(10_000)).toBe(false)
  const again = new Zone()
  again.load(reader.content)
  expect(texts(again.records())).toEqual(texts(zone.records()))
})

test('both skip names outside the zone with a warning', () => {
  const zone = zoneOf(DATA)
  zone.apply({ change: 'register', name: '*.lab.example', type: 'A', rdata: '192.0.2.6', replace: false })
  write(zone)
  const bind = check('named-checkzone', '-i', 'local', 'home', file)
  expect([bind.status, bind.said.filter(line => line.includes('ignoring out-of-zone data'))]).toEqual([0, [expect.stringContaining('*.lab.example')]])
  const knot = check('kzonecheck', '-v', '-o', 'home', file)
  expect([knot.status, knot.said]).toEqual([0, [expect.stringContaining('ignoring out-of-zone data, owner *.lab.example.'), 'No semantic error found']])
})
