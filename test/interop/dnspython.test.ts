import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyMessage, DATA_TEXTS, rdataFrom, typeNumber } from '../../src/services/dns/testing/records.ts'
import { formatHex, parseHex } from '../../src/services/dns/wire/base-encodings.ts'
import { ednsOf, optRecord } from '../../src/services/dns/wire/edns.ts'
import { decodeMessage, encodeMessage, type Message } from '../../src/services/dns/wire/message.ts'
import { nameKey, ROOT } from '../../src/services/dns/wire/name.ts'
import { OPCODE, TYPE } from '../../src/services/dns/wire/types.ts'

const SEED = 9460
const OF_EACH_TYPE = 30
const MESSAGES = 300
/** Types that RFC 1035 calls experimental or obsolete; dnspython has no text format for them. */
const UNSUPPORTED = new Set(['MD', 'MF', 'MB', 'MG', 'MR', 'MINFO'])
const typeNames = Object.keys(DATA_TEXTS).filter(typeName => !UNSUPPORTED.has(typeName))

/** Debian's own python3 has the package; another python3 in the path may not. */
function ask(requests: readonly object[]): Record<string, never>[] {
  const input = requests.map(request => `${JSON.stringify(request)}\n`).join('')
  const output = execFileSync('/usr/bin/python3', [join(import.meta.dirname, '../support/dnspython.py')], { input, encoding: 'utf8', timeout: 60_000, maxBuffer: 64 * 1024 * 1024 })
  const replies = output.trimEnd().split('\n').map(line => JSON.parse(line))
  expect(replies).toHaveLength(requests.length)
  return replies
}

const fromHex = (hex: string) => parseHex(hex) ?? new Uint8Array(0)
const absolute = (name: string) => name === ROOT ? name : `${name}.`
const sampled = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number) => fc.sample(arbitrary, { seed: SEED, numRuns })

/**
 * Texts that dnspython 2.3 mishandles: it takes non-ASCII octets in some strings for UTF-8, cannot parse its own
 * escaping of an ALPN id, and does not escape a quote in a URI.
 */
const mishandled = (typeName: string) => ['HINFO', 'NAPTR', 'CAA', 'SVCB', 'HTTPS'].includes(typeName) ? /\\\d{3}/ : typeName === 'URI' ? /\\/ : /^$/
const textsOf = (typeName: string) => (DATA_TEXTS[typeName] ?? fc.constant('')).filter(text => !mishandled(typeName).test(text))
const samples = typeNames.flatMap(typeName => sampled(textsOf(typeName), OF_EACH_TYPE).map(text => ({ typeName, text, hex: formatHex(rdataFrom(typeNumber(typeName), text)) })))
/** It does not know the name of the RFC 9461 key either. */
const replies = ask(samples.map(({ typeName, text, hex }) => ({ type: typeName, text: text.replace(' dohpath=', ' key7='), hex })))

test.each(typeNames)('dnspython parses our text and octets of any %s data as we do, and we parse its text', typeName => {
  const compared = samples.flatMap((sample, index) => sample.typeName === typeName ? [{ ...sample, reply: replies[index] }] : [])
  expect(compared).toHaveLength(OF_EACH_TYPE)
  for (const { text, hex, reply } of compared) {
    expect(reply, `${typeName} ${text} ${hex}`).toEqual({ hexOfText: hex, textOfHex: expect.any(String), hexOfHex: hex })
    const theirs: string = reply?.['textOfHex'] ?? ''
    expect(formatHex(rdataFrom(typeNumber(typeName), theirs)), theirs).toBe(hex)
    // It splits digits into groups, and quotes all parameter values.
    if (typeName !== 'SVCB' && typeName !== 'HTTPS') expect(theirs.replace(/\s/g, '')).toBe(text.replace(/\s/g, ''))
  }
})

/** Queries and notifications; an update gives classes another meaning and has its own test. */
const anySent: fc.Arbitrary<Message> = fc.tuple(
  anyMessage(typeNames), fc.constantFrom(OPCODE.QUERY, OPCODE.NOTIFY), fc.option(fc.record({
    rcode: fc.nat(0xfff), dnssecOk: fc.boolean(), options: fc.array(fc.record({ code: fc.integer({ min: 65_001, max: 65_534 }), bytes: fc.uint8Array({ maxLength: 20, size: 'max' }) }), { maxLength: 3 }),
  })),
).map(([message, opcode, edns]) => ({
  ...message,
  header: { ...message.header, opcode, rcode: edns === null ? message.header.rcode : edns.rcode & 15 },
  additionals: edns === null ? message.additionals : [...message.additionals, optRecord(edns)],
}))

test(`dnspython parses ${MESSAGES} of our messages as intended, and we parse what it encodes (seed ${SEED})`, () => {
  const sent = sampled(anySent, MESSAGES)
  const read = ask(sent.map(message => ({ message: formatHex(encodeMessage(message)) })))
  for (const [index, message] of sent.entries()) {
    const { header, questions } = message
    const edns = ednsOf(message)
    const records = [message.answers, message.authorities, message.additionals].flatMap((section, number) => section.filter(({ type }) => type !== TYPE.OPT)
      .map(({ name, type, class: recordClass, ttl, rdata }) => [String(number), absolute(name), type, recordClass, ttl, formatHex(rdata)]))
    expect(read[index], formatHex(encodeMessage(message))).toMatchObject({
      id: header.id, opcode: header.opcode, rcode: header.rcode | (edns?.extendedRcode ?? 0), records,
      questions: questions.map(({ name, type, class: questionClass }) => [absolute(name), type, questionClass]),
      edns: edns === undefined ? null : { payload: edns.udpPayloadBytes, version: 0, dnssecOk: edns.dnssecOk, options: edns.options.map(({ code, bytes }) => [code, formatHex(bytes)]) },
    })
    expect(decodeMessage(fromHex(read[index]?.['hex'] ?? ''))).toEqual(message)
  }
})

test('an update by dnspython, with every prerequisite and change, survives our decoding and encoding', () => {
  const theirs: string = ask([{ update: [] }])[0]?.['hex'] ?? ''
  const update = decodeMessage(fromHex(theirs))
  expect([update.header.opcode, update.questions.length, update.answers.length, update.authorities.length]).toEqual([OPCODE.UPDATE, 1, 5, 4])
  expect(update.answers.map(({ name }) => nameKey(name))).toEqual(['there.home', 'there.home', 'there.home', 'gone.home', 'gone.home'])
  expect(ask([{ update: [theirs, formatHex(encodeMessage(update))] }])).toEqual([{ same: true }])
})
