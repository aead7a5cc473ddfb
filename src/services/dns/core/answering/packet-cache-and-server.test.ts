/**
 * The packet cache and the machine agree octet for octet: one server
 * answers from its packet cache when it can, its twin never does.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { optRecord } from '../../wire/edns.ts'
import { encodeMessage, type Message } from '../../wire/message.ts'
import { CLASS, TYPE } from '../../wire/types.ts'
import { queryFor } from '../forwarding/query.ts'
import { CLIENT, Net } from '../testing/net.ts'

const NAMES = ['my-app.home', 'alias.home', 'missing.home', 'x.wild.home', 'home', '1.2.0.192.in-addr.arpa', 'printer.home.arpa', 'mask.icloud.com', 'big.home', 'out.example.org'] as const
const TYPES = [TYPE.A, TYPE.AAAA, TYPE.TXT, TYPE.HTTPS, TYPE.SOA, TYPE.PTR, TYPE.ANY] as const

function village(): Net {
  const net = new Net({ hidesCanaries: true })
  const register = (name: string, type: string, rdata: string) => net.zone.apply({ change: 'register', name, type, rdata, replace: false })
  register('my-app.home', 'A', '192.0.2.1')
  register('my-app.home', 'TXT', '"two words"')
  register('alias.home', 'CNAME', 'my-app.home.')
  register('*.wild.home', 'A', '192.0.2.7')
  register('out.example.org', 'A', '192.0.2.8')
  for (let host = 1; host <= 40; host++) register('big.home', 'A', `10.0.0.${host}`)
  return net
}

const question = fc.record({
  name: fc.constantFrom(...NAMES), type: fc.constantFrom(...TYPES), caseBits: fc.nat(), id: fc.nat(0xffff), rd: fc.boolean(), ad: fc.boolean(), cd: fc.boolean(),
  edns: fc.option(fc.record({ octets: fc.constantFrom(0, 512, 700, 1232, 4096), dnssecOk: fc.boolean() })),
})

function queryOf({ name, type, caseBits, id, rd, ad, cd, edns }: typeof question extends fc.Arbitrary<infer Q> ? Q : never): Uint8Array {
  const cased = [...name].map((letter, at) => ((caseBits >> (at % 31)) & 1) === 1 ? letter.toUpperCase() : letter).join('')
  const plain = queryFor({ name: cased, type, class: CLASS.IN }, id)
  const message: Message = {
    ...plain, header: { ...plain.header, rd, ad, cd }, additionals: edns === null ? [] : [{ ...optRecord({ rcode: 0, dnssecOk: edns.dnssecOk }), class: edns.octets }],
  }
  return encodeMessage(message)
}

test('the packet cache answers what the machine would answer', () => {
  let fromCache = 0
  fc.assert(fc.property(fc.array(question, { minLength: 1, maxLength: 60, size: 'max' }), questions => {
    const cached = village()
    const uncached = village()
    for (const query of [...questions, ...questions].map(queryOf)) {
      const out = new Uint8Array(1232)
      const length = cached.server.answerAtOnce(query, 0, query.length, out, 0, out.length, 0)
      if (length > 0) fromCache++
      else cached.server.receive(query, CLIENT, 0)
      const sent = cached.server.outbox.splice(0).find(effect => effect.kind === 'send')
      uncached.server.receive(query, CLIENT, 0)
      const expected = uncached.server.outbox.splice(0).find(effect => effect.kind === 'send')
      expect(length > 0 ? out.slice(0, length) : sent?.bytes).toEqual(expected?.bytes)
    }
  }), { numRuns: 40 })
  expect(fromCache).toBeGreaterThan(100)
})
