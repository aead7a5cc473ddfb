import { beforeEach, expect, test } from 'vitest'
import { decodeMessage, MESSAGE_BYTES_MAX, type Message, type ResourceRecord } from '../../wire/message.ts'
import { formatRdata } from '../../wire/rdata.ts'
import { CLASS, formatType, OPCODE, TYPE } from '../../wire/types.ts'
import { serialOf, withSerial } from '../zone/apex.ts'
import { changesSince, heldSerial, oneMessage, RECORDS_HELD_MAX, transferMessages, wholeZone, type Transfer } from './transfer.ts'
import { Zone } from '../zone/zone.ts'

let zone: Zone
beforeEach(() => {
  zone = new Zone()
  register('a.home', '192.0.2.1')
})

const register = (name: string, rdata: string) => zone.apply({ change: 'register', name, type: 'A', rdata, replace: true })
const header = { id: 77, qr: false, opcode: OPCODE.QUERY, aa: false, tc: false, rd: false, ra: false, ad: false, cd: false, rcode: 0 }
const query = { header, question: { name: 'home', type: TYPE.AXFR, class: CLASS.IN }, edns: undefined }
const ixfr = (soa: ResourceRecord): Message => ({ header, questions: [{ name: 'home', type: TYPE.IXFR, class: CLASS.IN }], answers: [], authorities: [soa], additionals: [] })
const since = (soa: ResourceRecord): Transfer => changesSince(zone, heldSerial(ixfr(soa)) ?? expect.unreachable('the query names a state'))

const text = ({ name, type, rdata }: ResourceRecord): string => type === TYPE.SOA ? `SOA ${formatRdata(type, rdata).split(' ')[2]}` : `${name} ${formatType(type)} ${formatRdata(type, rdata)}`
function messagesOf(transfer: Transfer): { messages: Message[]; end: string } {
  const messages: Message[] = []
  const generator = transferMessages(query, () => transfer)
  for (;;) {
    const next = generator.next()
    if (next.done === true) return { messages, end: next.value }
    expect(next.value.length).toBeLessThan(MESSAGE_BYTES_MAX - 1000)
    messages.push(decodeMessage(next.value))
  }
}
const recordsOf = (transfer: Transfer) => messagesOf(transfer).messages.flatMap(({ answers }) => answers.map(text))

test('a full transfer begins and ends with the SOA and excludes names outside the apex', () => {
  register('www.example.org', '203.0.113.1')
  const soa = `SOA ${zone.serial}`
  expect(recordsOf(wholeZone(zone))).toEqual([soa, 'home NS localhost.', 'a.home A 192.0.2.1', soa])
})

test('a large zone takes many messages, with the question only in the first and each record once', () => {
  zone.apply({ change: 'update', changes: Array.from({ length: 3000 }, (_, n) => ({ change: 'register', name: `n${n}.home`, type: 'A', rdata: `192.0.2.${n % 250}`, replace: false })) })
  const { messages, end } = messagesOf(wholeZone(zone))
  expect(end).toBe('whole')
  expect(messages.length).toBeGreaterThan(4)
  expect(messages.map(({ questions }) => questions.length)).toEqual([1, ...messages.slice(1).map(() => 0)])
  expect(messages.every(({ header: { id, qr, aa, rcode } }) => id === 77 && qr && aa && rcode === 0)).toBe(true)
  const records = messages.flatMap(({ answers }) => answers.map(text))
  expect([records.length, new Set(records).size]).toEqual([3004, 3003])
})

test('a zone that fits in the buffer is sent as it was at the start, whatever changes', () => {
  const transfer = wholeZone(zone)
  register('b.home', '192.0.2.2')
  expect(recordsOf(transfer).join()).not.toContain('b.home')
})

test('the transfer of a zone too large for the buffer is aborted by a change, and complete without one', () => {
  // A stub with just what a transfer reads: registering that many names would take too long.
  const state = { generation: 1 }
  const large = { soa: zone.soa, get generation() { return state.generation }, *records() { for (let n = 0; n <= RECORDS_HELD_MAX; n++) yield { ...zone.recordsOf('a.home')[0], name: `n${n}.home` } } }
  const read = () => messagesOf(wholeZone(large as unknown as Zone))
  expect(read().end).toBe('whole')
  expect(read().messages.flatMap(({ answers }) => answers)).toHaveLength(RECORDS_HELD_MAX + 3)
  const torn = transferMessages(query, () => wholeZone(large as unknown as Zone))
  torn.next()
  state.generation++
  expect(torn.next()).toEqual({ done: true, value: 'torn' })
})

test('a secondary that is behind gets each change, and one that is up to date gets the SOA', () => {
  const before = zone.soa
  register('a.home', '192.0.2.9')
  zone.apply({ change: 'unregister', name: 'a.home' })
  const [first, second, third] = [serialOf(before), serialOf(before) + 1, zone.serial].map(serial => `SOA ${serial}`)
  expect(recordsOf(since(before))).toEqual([third, first, 'a.home A 192.0.2.1', second, 'a.home A 192.0.2.9', second, 'a.home A 192.0.2.9', third, third])
  expect(recordsOf(since(zone.soa))).toEqual([third])
  expect(recordsOf(since(withSerial(zone.soa, zone.serial + 5)))).toEqual([third])
})

test('a secondary whose state is not remembered gets the whole zone', () => {
  expect(recordsOf(since(withSerial(zone.soa, zone.serial - 500)))).toEqual(recordsOf(wholeZone(zone)))
})

test('an IXFR without the SOA of the zone has no serial', () => {
  expect(heldSerial({ ...ixfr(zone.soa), authorities: [] })).toBeUndefined()
  expect(heldSerial(ixfr({ ...zone.soa, name: 'example.org' }))).toBeUndefined()
})

test('a transfer is sent in one message only if it fits', () => {
  const before = zone.soa
  register('b.home', '192.0.2.2')
  expect(decodeMessage(oneMessage(query, since(before), 512) ?? new Uint8Array(0)).answers).toHaveLength(5)
  zone.apply({ change: 'update', changes: Array.from({ length: 100 }, (_, n) => ({ change: 'register', name: `n${n}.home`, type: 'A', rdata: '192.0.2.1', replace: false })) })
  expect(oneMessage(query, since(before), 1232)).toBeUndefined()
})
