/**
 * Off-path forgers and a lying upstream: 100,000 forged replies are
 * rejected, and the genuine ones among them are accepted.
 */
import { expect, test } from 'vitest'
import { below, seededRandom, type Random } from '../../../kit/random.ts'
import { UDP_PAYLOAD_BYTES } from '../../wire/edns.ts'
import { encodeMessage, type Message, type ResourceRecord } from '../../wire/message.ts'
import { isWithin, nameKey } from '../../wire/name.ts'
import { CLASS, TYPE } from '../../wire/types.ts'
import { Net, record } from '../testing/net.ts'

const SEED = 20_261
const REPLIES = 100_000
/** Forged replies to each question before the genuine one. */
const REPLIES_OF_QUESTION = 50
const TRUE_ADDRESS = '203.0.113.7'
const FALSE_ADDRESS = '198.51.100.66'

const falseRecord = (name: string): ResourceRecord => record(name, TYPE.A, FALSE_ADDRESS)

/** Each turns a genuine response into a forgery that must be rejected. */
const FORGERIES: readonly ((query: Message, bytes: Uint8Array, random: Random) => Message | Uint8Array)[] = [
  query => ({ ...query, header: { ...query.header, id: query.header.id ^ 1 } }),
  (query, _bytes, random) => ({ ...query, header: { ...query.header, id: below(random, 0x10000) ^ (query.header.id & 1 ? 0 : 1) } }),
  query => ({ ...query, header: { ...query.header, qr: false } }),
  query => ({ ...query, header: { ...query.header, opcode: 5 } }),
  query => ({ ...query, questions: [] }),
  query => ({ ...query, questions: [...query.questions, ...query.questions] }),
  query => ({ ...query, questions: query.questions.map(question => ({ ...question, type: TYPE.AAAA })) }),
  query => ({ ...query, questions: query.questions.map(question => ({ ...question, class: CLASS.CH })) }),
  query => ({ ...query, questions: query.questions.map(question => ({ ...question, name: `x${question.name.slice(1)}` })) }),
  // Truncated in the middle of a record.
  (query, _bytes, random) => {
    const whole = encodeMessage({ ...query, answers: [falseRecord(query.questions[0]?.name ?? '')] })
    return whole.subarray(0, below(random, whole.length - 12))
  },
  // Random bytes after a genuine header.
  (_query, bytes, random) => {
    const reply = Uint8Array.from({ length: 12 + below(random, 600) }, (_, at) => at < 12 ? bytes[at] ?? 0 : below(random, 256))
    reply[2] = (reply[2] ?? 0) | 0x80
    return reply
  },
  // A genuine reply with one octet of its question changed.
  (query, _bytes, random) => {
    const reply = encodeMessage({ ...query, answers: [falseRecord(query.questions[0]?.name ?? '')] })
    const at = 13 + below(random, 8)
    reply[at] = (reply[at] ?? 0) ^ (1 + below(random, 31))
    return reply
  },
  // Section counts that exceed the message.
  (query, _bytes, random) => {
    const reply = encodeMessage(query)
    for (let at = 6; at < 12; at++) reply[at] = below(random, 256)
    reply[7] = (reply[7] ?? 0) | 1
    return reply
  },
  // A compression pointer to itself.
  query => {
    const reply = encodeMessage({ ...query, answers: [], additionals: [] })
    const forged = new Uint8Array(reply.length + 16)
    forged.set(reply)
    forged[7] = 1
    forged.set([0xc0, reply.length, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 51, 100, 66], reply.length)
    return forged
  },
  // Two OPT records.
  query => ({ ...query, answers: [falseRecord(query.questions[0]?.name ?? '')], additionals: [...query.additionals, ...query.additionals] }),
]

test(`${REPLIES} forged replies are rejected, and the genuine one after every fifty is accepted (seed ${SEED})`, () => {
  const random = seededRandom(SEED)
  const net = new Net({ cacheLimits: { entriesMax: 100, octetsMax: 100_000 }, seed: SEED })
  for (let question = 0; question < REPLIES / REPLIES_OF_QUESTION; question++) {
    const name = `n${question}.example.org`
    net.ask(name)
    const index = net.sent.length - 1
    const { upstreamQuery, query } = net.sending(index)
    const answered = net.answers.length
    for (let count = 0; count < REPLIES_OF_QUESTION; count++) {
      const response = { ...query, header: { ...query.header, qr: true, ra: true }, answers: [falseRecord(query.questions[0]?.name ?? '')] }
      const forged = FORGERIES[below(random, FORGERIES.length)]?.(response, upstreamQuery.message, random) ?? new Uint8Array(0)
      net.replyBytes(upstreamQuery, forged instanceof Uint8Array ? forged : encodeMessage(forged))
    }
    expect(net.answers.length, `no answer came from forged replies to ${name}`).toBe(answered)
    net.reply(index, [record(query.questions[0]?.name ?? '', TYPE.A, TRUE_ADDRESS)])
    expect(net.last.data, `the genuine reply to ${name} is accepted`).toEqual([TRUE_ADDRESS])
    for (const list of [net.answers, net.events, net.sent]) list.length = 1
    net.over.clear()
  }
  expect([net.server.deadlineMs(), net.server.cache.size <= 100]).toEqual([Infinity, true])
}, 60_000)

const TYPE_DNAME = 39
/** DNSSEC types, DNAME and an unknown type, with valid data. */
const RARE: readonly (readonly [number, string])[] = [
  [TYPE.RRSIG, 'TXT 8 3 300 20400101000000 20200101000000 1 example.org. AAAA'], [TYPE.NSEC, 'z.example.org. A TXT RRSIG'],
  [TYPE.NSEC3, '1 0 1 ab 2vptu5timamqttgl4luu9kg21e0aor3s TXT'], [TYPE_DNAME, 'bank.example.com.'], [65_280, '\\# 3 010203'],
]

/** A random mix of records that an upstream has no business sending. */
function anyAnswer(random: Random, name: string): ResourceRecord[] {
  const within = name === '.' ? '' : `.${name}`
  const names = [name, `a${within}`, 'example.org', 'bank.example.com', 'com', '.', `b${within}`]
  const any = () => names[below(random, names.length)] ?? '.'
  return Array.from({ length: below(random, 60) }, () => {
    switch (below(random, 6)) {
      case 0: case 1: return record(any(), TYPE.CNAME, `${any().replace(/\.$/, '')}.`)
      case 2: return { ...record(any(), TYPE.A, FALSE_ADDRESS), ttl: random.uint32() }
      case 3: return { name: any(), type: TYPE.TXT, class: CLASS.IN, ttl: 300, rdata: Uint8Array.from({ length: 256 }, (_, at) => at === 0 ? 255 : 120) }
      case 4: return { ...record(any(), TYPE.SOA, 'ns.example.org. x.example.org. 1 2 3 4 4294967295'), ttl: random.uint32() }
      default: {
        const [type, data] = RARE[below(random, RARE.length)] ?? expect.unreachable('a rare type is drawn')
        return { ...record(any(), type, data), class: below(random, 3), ttl: random.uint32() }
      }
    }
  })
}

test(`whatever an upstream says, answers contain nothing unrequested, fit, and are cached for at most a day (seed ${SEED})`, () => {
  const random = seededRandom(SEED)
  const net = new Net({ cacheLimits: { entriesMax: 50, octetsMax: 200_000 }, seed: SEED })
  for (let round = 0; round < 5000; round++) {
    const name = `n${below(random, 200)}.example.org`
    const dnssecOk = below(random, 2) === 1
    const before = net.sent.length
    const answered = net.answers.length
    net.ask(name, 'TXT', { edns: below(random, 3) > 0, dnssecOk })
    for (let count = 0; net.sent.length > before && net.answers.length === answered; count++) {
      if (count > 5) net.runUntil(net.nowMs + 4000)
      const index = net.sent.length - 1
      net.reply(index, anyAnswer(random, net.sending(index).query.questions[0]?.name ?? ''), message => ({
        ...message, header: { ...message.header, tc: below(random, 4) === 0, rcode: below(random, 5) === 0 ? 3 : 0 }, authorities: anyAnswer(random, name),
      }))
    }
    const { bytes, message } = net.last
    expect(bytes.length).toBeLessThanOrEqual(UDP_PAYLOAD_BYTES)
    let owner = name
    for (const { name: holder, type, ttl, rdata } of message.answers) {
      expect(ttl).toBeLessThanOrEqual(86_400)
      if (type === TYPE.RRSIG || type === TYPE_DNAME) continue
      expect(nameKey(holder)).toBe(nameKey(owner))
      if (type === TYPE.CNAME) owner = targetText(rdata)
    }
    for (const { name: holder, type } of message.authorities) {
      expect([TYPE.SOA, TYPE.NSEC, 50, TYPE.RRSIG]).toContain(type)
      if (type === TYPE.SOA) expect(isWithin(owner, holder)).toBe(true)
    }
    expect(net.server.cache.size).toBeLessThanOrEqual(50)
  }
  net.runUntil(net.nowMs + 4000)
  expect([net.over.size, net.server.deadlineMs()]).toEqual([net.sent.length, Infinity])
}, 60_000)

const targetText = (rdata: Uint8Array): string => {
  const labels: string[] = []
  for (let at = 0; (rdata[at] ?? 0) !== 0; at += (rdata[at] ?? 0) + 1) labels.push(String.fromCharCode(...rdata.subarray(at + 1, at + 1 + (rdata[at] ?? 0))))
  return labels.join('.') || '.'
}

test('a server that always sets TC is queried over TCP once, and then has failed', () => {
  const net = new Net().ask('www.example.org')
  for (let index = 0; index < net.sent.length && index < 100; index++) net.reply(index, [], message => ({ ...message, header: { ...message.header, tc: true } }))
  expect([net.sent.length, net.last.rcode]).toEqual([2, 'SERVFAIL'])
})

test('a server that changes case in every reply costs at most one TCP query per question', () => {
  const net = new Net().ask('www.example.org')
  const other = (name: string) => name === name.toLowerCase() ? name.toUpperCase() : name.toLowerCase()
  const scramble = (message: Message): Message => ({ ...message, questions: message.questions.map(question => ({ ...question, name: other(question.name) })) })
  for (let count = 0; count < 100; count++) net.reply(0, [falseRecord('www.example.org')], scramble)
  expect([net.sent.length, net.answers.length]).toEqual([2, 0])
})
