import { expect, test } from 'vitest'
import { MalformedPacket } from '../../kit/errors.ts'
import { seededRandom } from '../../kit/random.ts'
import { damaged, HOSTILE, validMessages } from '../testing/damage.ts'
import { nameOctets } from '../testing/records.ts'
import { Budget, EXPANSION_MAX } from './budget.ts'
import { formatHex } from './base-encodings.ts'
import { ednsOf } from './edns.ts'
import { dissectMessage } from './dissect.ts'
import { decodeMessage, encodeMessage, type Message } from './message.ts'
import { nameKey } from './name.ts'
import { formatRdata } from './rdata.ts'
import { formatOnOneLine } from './summary.ts'

const SEED = 20_260
const PACKETS = 100_000

/** The message, or undefined if it is malformed; any other error is a bug. */
function read(bytes: Uint8Array, budget?: Budget): Message | undefined {
  try {
    return decodeMessage(bytes, budget)
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error
    return undefined
  }
}

const sectionsOf = ({ answers, authorities, additionals }: Message) => [...answers, ...authorities, ...additionals]

/** The content of a message, ignoring case, which compression may change. */
const meaning = (message: Message) => [message.header, message.questions.map(({ name, type, class: questionClass }) => [nameKey(name), type, questionClass]),
  ...sectionsOf(message).map(({ name, type, class: recordClass, ttl, rdata }) => [nameKey(name), type, recordClass, ttl, formatRdata(type, rdata).toLowerCase()])]

/** The octets of all names and data of a message, expanded. */
const decodedOctets = (message: Message) => [...message.questions, ...sectionsOf(message)].reduce((sum, { name }) => sum + nameOctets(name), 0)
  + sectionsOf(message).reduce((sum, { rdata }) => sum + rdata.length, 0)

test(`${PACKETS} damaged packets (seed ${SEED}) are decoded or malformed; a decoded one can be shown, and encoded without change of meaning`, () => {
  const random = seededRandom(SEED)
  const valid = validMessages(SEED, 400)
  let readable = 0
  for (let round = 0; round < PACKETS; round++) {
    const bytes = damaged(valid, random)
    try {
      const message = read(bytes)
      if (message === undefined) continue
      readable++
      if (decodedOctets(message) > EXPANSION_MAX * bytes.length) throw new Error('it expanded to more than sixteen times its length')
      if (round % 10 !== 0) continue
      expect(meaning(decodeMessage(encodeMessage(message)))).toEqual(meaning(message))
      try {
        ednsOf(message)
      } catch (error) {
        if (!(error instanceof MalformedPacket)) throw error
        continue
      }
      formatOnOneLine(message)
    } catch (error) {
      throw new Error(`packet ${round} of seed ${SEED}: ${formatHex(bytes)}`, { cause: error })
    }
  }
  expect(readable).toBeGreaterThan(PACKETS / 10)
  expect(readable).toBeLessThan(PACKETS * 0.9)
}, 60_000)

test('100,000 random packets are decoded or malformed', () => {
  const random = seededRandom(SEED)
  const noise = new Uint8Array(64)
  for (let round = 0; round < PACKETS; round++) {
    for (let at = 0; at < noise.length; at++) noise[at] = at < 12 && at > 3 ? (random.uint32() & 1) * (at & 1) : random.uint32()
    read(noise)
  }
})

/** Counts every octet that is read or copied. */
function watched(bytes: Uint8Array): { readonly bytes: Uint8Array; visited(): number } {
  let visits = 0
  const proxy = new Proxy(bytes, {
    get(target, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) visits++
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        const result: unknown = Reflect.apply(value, target, args)
        if (result instanceof Uint8Array) visits += result.length
        return result
      }
    },
  })
  return { bytes: proxy, visited: () => visits }
}

/**
 * In addition to names, which the budget bounds, each octet is visited once for its field, once for its check, once for
 * its copy.
 */
const VISITS_MAX = EXPANSION_MAX + 3
/** A name is charged after it was read: it may have 255 octets of four characters each, and 127 pointers of two octets. */
const LAST_NAME = 4 * 255 + 2 * 127

test.each(Object.entries(HOSTILE).flatMap(([family, make]) => [512, 4096, 65_535].map(size => [family, size, make] as const)))(
  '%s: the time and memory for %i octets are linear in their number', (_family, size, make) => {
    const bytes = make(size)
    expect(bytes.length).toBeLessThanOrEqual(size)
    const budget = new Budget(bytes.length)
    const { bytes: proxy, visited } = watched(bytes)
    const message = read(proxy, budget)
    expect(visited()).toBeLessThanOrEqual(VISITS_MAX * bytes.length + LAST_NAME)
    expect(budget.spentOctets).toBeLessThanOrEqual(EXPANSION_MAX * bytes.length + LAST_NAME)
    if (message === undefined) return
    expect(decodedOctets(message)).toBeLessThanOrEqual(EXPANSION_MAX * bytes.length)
    expect(JSON.stringify(dissectMessage(bytes)).length).toBeLessThanOrEqual(500 * bytes.length)
  })

test('a message whose many pointers expand a long name too often is malformed', () => {
  const bytes = HOSTILE['each record prefixes one long name with a label']?.(65_535) ?? new Uint8Array(0)
  expect(() => decodeMessage(bytes)).toThrow(/too long in total/)
})

test('a legitimate response with the longest names is decoded', () => {
  const owner = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`
  const header = { id: 1, qr: true, opcode: 0, aa: true, tc: false, rd: true, ra: true, ad: false, cd: false, rcode: 0 }
  const answers = Array.from({ length: 250 }, (_, last) => ({ name: owner, type: 1, class: 1, ttl: 60, rdata: Uint8Array.of(192, 0, 2, last) }))
  const sent = { header, questions: [{ name: owner, type: 1, class: 1 }], answers, authorities: [], additionals: [] }
  expect(decodeMessage(encodeMessage(sent))).toEqual(sent)
})
