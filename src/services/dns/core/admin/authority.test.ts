import { beforeEach, expect, test } from 'vitest'
import type { Path } from '../../../kit/endpoint.ts'
import { seededRandom } from '../../../kit/random.ts'
import { nodeHmac } from '../../hmac.ts'
import { optRecord } from '../../wire/edns.ts'
import { decodeMessage, encodeMessage, type Message } from '../../wire/message.ts'
import { encodeVariables, tsigOf, withTsig } from '../../wire/tsig.ts'
import { CLASS, formatRcode, OPCODE, RCODE, TYPE } from '../../wire/types.ts'
import { Authority, type Request } from './authority.ts'
import { Cache } from '../answering/cache.ts'
import { createRoutes } from '../forwarding/routes.ts'
import { DnsServer } from '../answering/server.ts'
import type { TsigKey } from './tsig.ts'
import { Zone } from '../zone/zone.ts'

const KEY: TsigKey = { name: 'laptop', algorithm: 'hmac-sha256', secret: new Uint8Array(32).fill(3) }
const NOW_SECONDS = 1_767_225_600
const path = (address: string): Path => ({ local: { address: '192.0.2.1', port: 53 }, interfaceName: '', peer: { address, port: 4000 } })
const OTHER_CLIENT = path('198.51.100.7')
const SECONDARY = path('192.0.2.2')

let zone: Zone
let machine: DnsServer
let nowSeconds: number
beforeEach(() => {
  zone = new Zone()
  zone.apply({ change: 'register', name: 'a.home', type: 'A', rdata: '192.0.2.9', replace: true })
  nowSeconds = NOW_SECONDS
  start()
})

function start({ takesLocalUpdates = false } = {}): void {
  const authority = new Authority(zone, { keyOf: name => name.toLowerCase() === 'laptop' ? KEY : undefined, hmac: nodeHmac, wallSeconds: () => nowSeconds, secondaries: ['192.0.2.2'], takesLocalUpdates })
  machine = new DnsServer(zone, new Cache(), { routes: createRoutes([], []), random: seededRandom(1), authority })
}

interface Shape { opcode?: number; type?: number; name?: string; id?: number }
function ask({ opcode = OPCODE.QUERY, type = TYPE.A, name = 'home', id = 7 }: Shape): Uint8Array {
  const header = { id, qr: false, opcode, aa: false, tc: false, rd: false, ra: false, ad: false, cd: false, rcode: 0 }
  return encodeMessage({ header, questions: [{ name, type, class: CLASS.IN }], answers: [], authorities: type === TYPE.IXFR ? [zone.soa] : [], additionals: [] })
}

function signed(bytes: Uint8Array, signedAtSeconds = nowSeconds): Uint8Array {
  const none = new Uint8Array(0)
  const originalId = (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)
  const unsigned = { keyName: KEY.name, algorithm: KEY.algorithm, timeSignedSeconds: signedAtSeconds, fudgeSeconds: 300, mac: none, originalId, error: 0, otherData: none }
  return withTsig(bytes, { ...unsigned, mac: nodeHmac.digest(KEY, Uint8Array.from([...bytes, ...encodeVariables(unsigned)])) })
}

interface Heard { answers: Message[]; updates: Request[]; transfers: Message[][]; refused: string[] }
function say(bytes: Uint8Array, from: Path, transport: 'udp' | 'tcp' = 'udp'): Heard {
  if (transport === 'udp') machine.receive(bytes, from, 0)
  else machine.receiveOverTcp(bytes, from, 0)
  return drain()
}

function drain(): Heard {
  const heard: Heard = { answers: [], updates: [], transfers: [], refused: [] }
  for (const effect of machine.outbox.splice(0)) {
    if (effect.kind === 'send') heard.answers.push(decodeMessage(effect.bytes))
    else if (effect.kind === 'event' && effect.event.name === 'updateAsked') heard.updates.push(effect.event.request)
    else if (effect.kind === 'event' && effect.event.name === 'refused') heard.refused.push(`${effect.event.client} ${effect.event.asked}: ${effect.event.why}`)
    else if (effect.kind === 'event' && effect.event.name === 'transferAsked') {
      const messages: Message[] = []
      for (let next = effect.event.messages.next(); next.done !== true; next = effect.event.messages.next()) messages.push(decodeMessage(next.value))
      heard.transfers.push(messages)
    }
  }
  return heard
}
const rcodes = ({ answers }: Heard) => answers.map(({ header }) => formatRcode(header.rcode))

test('while names are missing, transfers are SERVFAIL but queries are answered', () => {
  zone.isPartial = true
  for (const [type, transport] of [[TYPE.AXFR, 'tcp'], [TYPE.IXFR, 'tcp'], [TYPE.IXFR, 'udp']] as const) {
    const heard = say(ask({ type }), SECONDARY, transport)
    expect([rcodes(heard), heard.transfers]).toEqual([['SERVFAIL'], []])
  }
  expect(rcodes(say(ask({ name: 'a.home' }), SECONDARY))).toEqual(['NOERROR'])
  zone.isPartial = false
  expect(say(ask({ type: TYPE.AXFR }), SECONDARY, 'tcp').transfers).toHaveLength(1)
})

const UPDATE = { opcode: OPCODE.UPDATE, type: TYPE.SOA }
const AXFR = { type: TYPE.AXFR }

test('an unsigned update is refused and reported, even from this machine unless a setting allows it', () => {
  const heard = say(ask(UPDATE), OTHER_CLIENT)
  expect([rcodes(heard), heard.updates.length, heard.refused]).toEqual([['REFUSED'], 0, ['198.51.100.7:4000 UPDATE home: it is not signed']])
  expect(rcodes(say(ask(UPDATE), path('127.0.0.1')))).toEqual(['REFUSED'])
  start({ takesLocalUpdates: true })
  expect(say(ask(UPDATE), path('127.0.0.1')).updates).toHaveLength(1)
  expect(say(ask(UPDATE), { ...OTHER_CLIENT, peer: { ...OTHER_CLIENT.local, port: 4000 } }).updates).toHaveLength(1)
  expect(rcodes(say(ask(UPDATE), OTHER_CLIENT))).toEqual(['REFUSED'])
})

test('one of this machine\'s IPv6 addresses, which a neighbor can forge in a datagram, proves this machine only over TCP', () => {
  start({ takesLocalUpdates: true })
  const own: Path = { local: { address: '2001:db8::1', port: 53 }, interfaceName: '', peer: { address: '2001:db8::1', port: 4000 } }
  expect(rcodes(say(ask(UPDATE), own))).toEqual(['REFUSED'])
  expect(say(ask(UPDATE), own, 'tcp').updates).toHaveLength(1)
  expect(say(ask(UPDATE), path('::1')).updates).toHaveLength(1)
})

test('a signed update is requested once and answered when it is done; a retry gets the same answer', () => {
  const bytes = signed(ask(UPDATE))
  const first = say(bytes, OTHER_CLIENT)
  expect([first.updates.length, first.answers.length]).toEqual([1, 0])
  expect(say(bytes, OTHER_CLIENT)).toMatchObject({ updates: [], answers: [], refused: [] })
  machine.answerUpdate(first.updates[0] ?? expect.unreachable('an update is requested'), RCODE.NXRRSET)
  const answer = drain().answers[0] ?? expect.unreachable('an answer')
  expect(answer.header).toMatchObject({ id: 7, qr: true, opcode: OPCODE.UPDATE, rcode: RCODE.NXRRSET, aa: false, ra: false })
  expect(tsigOf(answer)?.mac).toHaveLength(32)
  expect(rcodes(say(bytes, path('203.0.113.5')))).toEqual(['NXRRSET'])
  expect(say(signed(ask({ ...UPDATE, id: 8 })), OTHER_CLIENT).updates).toHaveLength(1)
})

test('an update that was signed before the server was started is refused', () => {
  const heard = say(signed(ask(UPDATE), NOW_SECONDS - 5), OTHER_CLIENT)
  expect([rcodes(heard), heard.updates.length, heard.refused[0]]).toEqual([['REFUSED'], 0, expect.stringContaining('before the server was started')])
})

test('a request with a wrong signature is NOTAUTH, whatever it asks for, and reported', () => {
  for (const bytes of [signed(ask({ name: 'a.home' })), signed(ask(UPDATE)), signed(ask(AXFR))]) {
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1
    const heard = say(bytes, OTHER_CLIENT, 'tcp')
    expect([rcodes(heard), heard.updates.length + heard.transfers.length, tsigOf(heard.answers[0] ?? expect.unreachable('an answer'))?.error]).toEqual([['NOTAUTH'], 0, RCODE.BADSIG])
    expect(heard.refused[0]).toContain('BADSIG')
  }
})

test('a signed query gets a signed answer within the limit, even if the same query was answered unsigned before', () => {
  const query = ask({ name: 'a.home' })
  expect(tsigOf(say(query, OTHER_CLIENT).answers[0] ?? expect.unreachable('an answer'))).toBeUndefined()
  const answer = say(signed(query), OTHER_CLIENT).answers[0] ?? expect.unreachable('an answer')
  expect([answer.answers.length, tsigOf(answer)?.mac.length]).toEqual([1, 32])
  zone.apply({ change: 'update', changes: Array.from({ length: 28 }, (_, n) => ({ change: 'register', name: 'big.home', type: 'A', rdata: `192.0.2.${n}`, replace: false })) })
  expect(say(ask({ name: 'big.home' }), OTHER_CLIENT).answers[0]?.header.tc).toBe(false)
  expect(say(signed(ask({ name: 'big.home' })), OTHER_CLIENT).answers[0]?.header.tc).toBe(true)
})

test('only secondaries and clients that sign may transfer the zone, and for the latter each message is signed', () => {
  expect(say(ask(AXFR), SECONDARY, 'tcp').transfers[0]?.[0]?.answers.map(({ type }) => type)).toEqual([TYPE.SOA, TYPE.NS, TYPE.A, TYPE.SOA])
  zone.apply({ change: 'update', changes: Array.from({ length: 2000 }, (_, n) => ({ change: 'register', name: `n${n}.home`, type: 'A', rdata: '192.0.2.1', replace: false })) })
  const [messages = []] = say(signed(ask(AXFR)), OTHER_CLIENT, 'tcp').transfers
  expect(messages.length).toBeGreaterThan(2)
  expect(messages.every(message => tsigOf(message)?.mac.length === 32)).toBe(true)
  for (const type of [TYPE.AXFR, TYPE.IXFR]) {
    const heard = say(ask({ type }), OTHER_CLIENT, 'tcp')
    expect([rcodes(heard), heard.transfers.length]).toEqual([['REFUSED'], 0])
  }
})

test('another zone is NOTAUTH; AXFR over UDP and an IXFR without an SOA are FORMERR', () => {
  expect(rcodes(say(ask({ ...AXFR, name: 'example.org' }), SECONDARY, 'tcp'))).toEqual(['NOTAUTH'])
  expect(rcodes(say(ask(AXFR), SECONDARY))).toEqual(['FORMERR'])
  const without = decodeMessage(ask({ type: TYPE.IXFR }))
  expect(rcodes(say(encodeMessage({ ...without, authorities: [] }), SECONDARY, 'tcp'))).toEqual(['FORMERR'])
})

test('an IXFR over UDP has the changes if they fit, otherwise just the SOA', () => {
  const query = ask({ type: TYPE.IXFR })
  zone.apply({ change: 'register', name: 'b.home', type: 'A', rdata: '192.0.2.5', replace: true })
  expect(say(query, SECONDARY).answers[0]?.answers).toHaveLength(5)
  zone.apply({ change: 'update', changes: Array.from({ length: 100 }, (_, n) => ({ change: 'register', name: `n${n}.home`, type: 'A', rdata: '192.0.2.1', replace: false })) })
  expect(say(query, SECONDARY).answers[0]?.answers.map(({ type }) => type)).toEqual([TYPE.SOA])
  expect(tsigOf(say(signed(query), OTHER_CLIENT).answers[0] ?? expect.unreachable('an answer'))).toBeDefined()
})

test('a transfer query with a newer EDNS version is BADVERS, and one with two questions is FORMERR', () => {
  const asked = decodeMessage(ask(AXFR))
  const newer = { ...optRecord({ rcode: 0, dnssecOk: false }), ttl: 1 << 16 }
  expect(say(encodeMessage({ ...asked, additionals: [newer] }), SECONDARY, 'tcp')).toMatchObject({ transfers: [], answers: [{ additionals: [{ ttl: 1 << 24 }] }] })
  expect(rcodes(say(encodeMessage({ ...asked, questions: [...asked.questions, ...asked.questions] }), SECONDARY, 'tcp'))).toEqual(['FORMERR'])
})

test('a NOTIFY is refused: this server is not a secondary', () => {
  expect(rcodes(say(ask({ opcode: OPCODE.NOTIFY, type: TYPE.SOA }), SECONDARY))).toEqual(['REFUSED'])
  expect(rcodes(say(ask({ opcode: OPCODE.NOTIFY, type: TYPE.SOA, name: 'example.org' }), SECONDARY))).toEqual(['NOTAUTH'])
})

test('20,000 damaged requests are never carried out', () => {
  const seed = 20_261
  const random = seededRandom(seed)
  const bases = [signed(ask(UPDATE)), signed(ask(AXFR)), ask(UPDATE), ask({ opcode: OPCODE.NOTIFY, type: TYPE.SOA }), ask({ type: TYPE.IXFR })]
  // Some changes have no meaning: the case of the key name, which is signed in lowercase, and a TTL beyond 2³¹, which counts as 0.
  const meaning = (bytes: Uint8Array) => JSON.stringify(decodeMessage(bytes)).toLowerCase()
  for (let round = 0; round < 20_000; round++) {
    const base = bases[round % bases.length] ?? expect.unreachable('a base')
    const bytes = base.slice(0, random.uint32() % 4 === 0 ? random.uint32() % base.length : base.length)
    for (let damage = 1 + random.uint32() % 4; damage > 0 && bytes.length > 2; damage--) bytes[2 + random.uint32() % (bytes.length - 2)] = random.uint32()
    const heard = say(bytes, OTHER_CLIENT, round % 2 === 0 ? 'udp' : 'tcp')
    if (heard.updates.length + heard.transfers.length > 0 && meaning(bytes) === meaning(base)) continue
    expect([heard.updates.length, heard.transfers.length], `seed ${seed}, round ${round}`).toEqual([0, 0])
  }
}, 30_000)
