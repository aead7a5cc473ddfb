/** Compares the zone's tables with a model that consists of nothing but lists of text, and is slow. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { UsageError } from '../../../kit/errors.ts'
import type { ResourceRecord } from '../../wire/message.ts'
import { formatRdata } from '../../wire/rdata.ts'
import { formatType, parseType, TYPE } from '../../wire/types.ts'
import { isApexOwn, serialOf } from './apex.ts'
import type { Register, Unregister } from './zone-change.ts'
import { Zone, type ZoneAnswer } from './zone.ts'

type Part = Register | Unregister
interface Row {
  readonly name: string
  readonly type: string
  readonly rdata: string
}

/** The specification: rows of text, always searched from first to last. */
class Model {
  rows: readonly Row[] = []

  has = (name: string, type?: string) => this.rows.some(row => row.name === name && (type === undefined || row.type === type))

  /** @returns undefined if the change is invalid */
  changed(parts: readonly Part[], inUpdate: boolean): readonly Row[] | undefined {
    let rows = this.rows
    for (const part of parts) {
      const same = (row: Row) => row.name === part.name && (part.type === undefined || row.type === part.type)
      const exact = (row: Row) => same(row) && row.rdata === part.rdata
      if (part.change === 'unregister') {
        const kept = rows.filter(row => !(part.rdata === undefined ? same(row) : exact(row)))
        if (kept.length === rows.length && !inUpdate) return undefined
        rows = kept
      } else {
        const clash = (part.name === 'home' && part.type === 'CNAME') || rows.some(row => row.name === part.name && areIncompatible(row, part))
        if (clash && !inUpdate) return undefined
        if (clash) continue
        const kept = rows.filter(row => !(part.replace || part.type === 'CNAME' || part.type === 'DNAME' ? same(row) : exact(row)))
        rows = [...kept, { name: part.name, type: part.type, rdata: part.rdata }]
      }
    }
    return rows
  }

  exists = (name: string) => name === 'home' || this.rows.some(row => row.name === name || row.name.endsWith(`.${name}`))

  /** RFC 4592 §3.3.1, word for word. */
  lookup(qname: string, qtype: string): string {
    const inside = qname === 'home' || qname.endsWith('.home')
    const answer = (source: string) => {
      const found = this.rows.filter(row => row.name === source && row.type === qtype).map(({ rdata }) => rdata).sort()
      if (found.length > 0) return found.join()
      if (this.has(source, 'CNAME')) return 'alias'
      return 'nodata'
    }
    const above = qname.split('.').map((_, index, labels) => labels.slice(index).join('.')).reverse()
    const cut = inside ? above.find(each => (each !== 'home' && this.has(each, 'NS')) || (each !== qname && this.has(each, 'DNAME'))) : undefined
    if (cut !== undefined) return this.has(cut, 'NS') ? 'referral' : 'redirection'
    if (this.has(qname) || qname === 'home') return answer(qname)
    const owners = this.rows.filter(row => reverseOf(row) === qname && !row.name.startsWith('*'))
    if (owners.length > 0) return qtype === 'PTR' ? owners.map(({ name }) => `${name}.`).sort().join() : 'nodata'
    if (this.exists(qname)) return inside ? 'nodata' : 'elsewhere'
    let encloser = qname
    while (encloser !== '' && !this.exists(encloser)) encloser = encloser.split('.').slice(1).join('.')
    const source = encloser === '' ? '*' : `*.${encloser}`
    if (this.has(source)) return answer(source)
    if (!inside) return 'elsewhere'
    return this.exists(source) ? 'nodata' : 'nxdomain'
  }

  hasBelow(name: string): boolean {
    return this.rows.some(row => row.name.endsWith(`.${name}`) || (!row.name.startsWith('*') && reverseOf(row)?.endsWith(`.${name}`) === true)) || name === ''
  }
}

function areIncompatible(held: Row, part: Register): boolean {
  const types = [held.type, part.type].sort().join()
  return held.type !== part.type && (types.includes('CNAME') || (types === 'DNAME,NS' && part.name !== 'home'))
}

function reverseOf({ type, rdata }: Row): string | undefined {
  if (type === 'A') return `${rdata.split('.').reverse().join('.')}.in-addr.arpa`
  if (type !== 'AAAA') return undefined
  const [, group = '', tail = ''] = /^2001:db8:(\w+)::(\w+)$/.exec(rdata) ?? []
  const digits = `20010db8${group.padStart(4, '0')}${tail.padStart(20, '0')}`
  return `${[...digits].reverse().join('.')}.ip6.arpa`
}

const text = ({ type, rdata }: ResourceRecord) => formatRdata(type, rdata)
function answerText(answer: ZoneAnswer | undefined): string {
  if (answer === undefined) return 'elsewhere'
  return answer.kind === 'records' ? answer.records.map(text).sort().join() : answer.kind
}
const line = (record: ResourceRecord) => `${record.name} ${formatType(record.type)} ${text(record)}`
const recordsOf = (zone: Zone) => [...zone.records()].filter(record => !isApexOwn(record))

const label = fc.constantFrom('a', 'b', '*', '_tcp', 'x')
const name = fc.tuple(fc.array(label, { maxLength: 3 }), fc.constantFrom('home', 'home', 'home', 'lab.example', '2.0.192.in-addr.arpa', '0.192.in-addr.arpa'))
  .map(([labels, end]) => [...labels, end].join('.'))
const data = fc.oneof(
  fc.record({ type: fc.constant('A'), rdata: fc.constantFrom('192.0.2.1', '192.0.2.2', '192.0.2.130', '198.51.100.1', '10.0.0.1') }),
  fc.record({ type: fc.constant('AAAA'), rdata: fc.constantFrom('2001:db8:1::1', '2001:db8:1::2', '2001:db8:2::1') }),
  fc.record({ type: fc.constant('CNAME'), rdata: fc.constantFrom('a.home.', 'b.home.') }),
  fc.record({ type: fc.constantFrom('NS', 'DNAME'), rdata: fc.constantFrom('a.home.', 'b.home.') }),
  fc.record({ type: fc.constant('TXT'), rdata: fc.constantFrom('"x"', '"y"') }))
/** The apex has a name server of its own, which has no row in the model. */
const isOrdinary = ({ name: owner, type }: Part) => !(owner === 'home' && type === 'NS')
const part: fc.Arbitrary<Part> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ change: fc.constant('register'), name, data, replace: fc.boolean() }).map(({ data: each, ...rest }): Part => ({ ...rest, ...each, change: 'register' })).filter(isOrdinary) },
  { weight: 1, arbitrary: fc.record({ change: fc.constant('unregister'), name }).map((each): Part => ({ ...each, change: 'unregister' })) },
  { weight: 2, arbitrary: fc.record({ name, data }).map(({ name: owner, data: each }): Part => ({ change: 'unregister', name: owner, ...each })) },
  { weight: 1, arbitrary: fc.record({ name, data }).map(({ name: owner, data: { type } }): Part => ({ change: 'unregister', name: owner, type })) })
/** A single part is a change by itself; several are an update. */
const parts = fc.oneof({ weight: 3, arbitrary: part.map(each => [each]) }, { weight: 1, arbitrary: fc.array(part, { minLength: 2, maxLength: 5 }) })
const probes = [
  'home', 'a.home', 'b.home', 'x.home', 'a.b.home', 'x.a.home', '*.home', 'a.*.home', 'q.a.b.home', 'lab.example', 'a.lab.example', 'q.a.lab.example', 'example', 'a.example',
  '1.2.0.192.in-addr.arpa', '130.2.0.192.in-addr.arpa', '2.0.192.in-addr.arpa', '0.192.in-addr.arpa', '51.198.in-addr.arpa', '1.0.0.10.in-addr.arpa', '0.10.in-addr.arpa', '11.in-addr.arpa',
  `1.${'0.'.repeat(19)}1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa`, '1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa', '3.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa', '0.8.b.d.0.1.0.0.2.ip6.arpa',
]

test('after any changes the zone answers like the model, and each difference turns the old state into the new one', () => {
  fc.assert(fc.property(fc.array(parts, { maxLength: 25, size: 'max' }), sequence => {
    const zone = new Zone()
    const model = new Model()
    for (const some of sequence) {
      const [only, second] = some
      const change = only !== undefined && second === undefined ? only : { change: 'update' as const, changes: some }
      const before = recordsOf(zone)
      const rows = model.changed(some, change.change === 'update')
      if (rows === undefined) {
        expect(() => zone.apply(change)).toThrow(UsageError)
        expect(recordsOf(zone)).toEqual(before)
        continue
      }
      model.rows = rows
      const { from, to, removed, added } = zone.apply(change)
      const own = (records: readonly ResourceRecord[]) => records.map(line).filter(each => /^(\S+\.)?home /.test(each)).sort()
      expect([serialOf(to), to]).toEqual([serialOf(from) + 1, zone.soa])
      const gone = new Set(removed.map(line))
      expect([...own(before).filter(each => !gone.has(each)), ...added.map(line)].sort()).toEqual(own(recordsOf(zone)))
    }
    expect(recordsOf(zone).map(line).sort()).toEqual(model.rows.map(row => `${row.name} ${row.type} ${row.rdata}`).sort())
    expect(zone.size).toBe(new Set(model.rows.map(row => row.name)).size)
    for (const probe of probes) {
      for (const qtype of ['A', 'TXT', 'PTR']) expect(answerText(zone.lookup(probe, parseType(qtype) ?? TYPE.A)), `${probe} ${qtype}`).toBe(model.lookup(probe, qtype))
      expect(zone.hasBelow(probe), probe).toBe(model.hasBelow(probe))
    }
  }), { numRuns: 120 })
})

test('adding and removing long data leaves everything else unchanged', () => {
  const zone = new Zone()
  for (let index = 0; index < 100; index++) zone.apply({ change: 'register', name: `n${index}.home`, type: 'A', rdata: `192.0.2.${index}`, replace: true })
  const long = Array.from({ length: 200 }, () => `"${'x'.repeat(250)}"`).join(' ')
  for (let index = 0; index < 100; index++) zone.apply({ change: 'register', name: 'long.home', type: 'TXT', rdata: `"${index}" ${long}`, replace: true })
  expect(zone.recordsOf('long.home').map(text)).toEqual([`"99" ${long}`])
  for (let index = 0; index < 100; index++) {
    expect(answerText(zone.lookup(`N${index}.home`, TYPE.A))).toBe(`192.0.2.${index}`)
    expect(answerText(zone.lookup(`${index}.2.0.192.in-addr.arpa`, TYPE.PTR))).toBe(`n${index}.home.`)
  }
})
