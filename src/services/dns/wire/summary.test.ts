import { expect, test } from 'vitest'
import { record } from '../testing/records.ts'
import { optRecord } from './edns.ts'
import { EDE, extendedErrorOption } from './edns-options.ts'
import type { Message } from './message.ts'
import { formatOnOneLine } from './summary.ts'
import { CLASS, OPCODE, RCODE, TYPE } from './types.ts'

const header = { id: 0x1f0a, qr: false, opcode: OPCODE.QUERY, aa: false, tc: false, rd: true, ra: false, ad: false, cd: false, rcode: RCODE.NOERROR }
const query: Message = { header, questions: [{ name: 'my-app.home', type: TYPE.A, class: CLASS.IN }], answers: [], authorities: [], additionals: [] }
const response: Message = {
  ...query, header: { ...header, qr: true, aa: true, ra: true },
  answers: [record('my-app.home', 'CNAME', 'web.home.'), ...[1, 2, 3].map(last => record('web.home', 'A', `192.168.1.${last}`))],
  additionals: [optRecord({ rcode: 0, dnssecOk: true, options: [extendedErrorOption({ infoCode: EDE.STALE_ANSWER, text: 'old' })] })],
}
const update: Message = {
  header: { ...header, opcode: OPCODE.UPDATE, rd: false }, questions: [{ name: 'home', type: TYPE.SOA, class: CLASS.IN }], answers: [],
  authorities: [{ name: 'old.home', type: TYPE.ANY, class: CLASS.ANY, ttl: 0, rdata: new Uint8Array(0) }, record('new.home', 'A', '192.168.1.9')], additionals: [],
}

test.each<[string, Message]>([
  ['query 0x1f0a A my-app.home', query],
  ['response 0x1f0a A my-app.home NOERROR: CNAME web.home., A 192.168.1.1, A 192.168.1.2 and 1 more', response],
  ['response 0x1f0a A my-app.home NXDOMAIN', { ...query, header: { ...header, qr: true, rcode: RCODE.NXDOMAIN } }],
  ['response 0x1f0a A my-app.home BADVERS', { ...query, header: { ...header, qr: true }, additionals: [optRecord({ rcode: RCODE.BADVERS, dnssecOk: false })] }],
  ['response 0x1f0a A my-app.home NOERROR truncated', { ...query, header: { ...header, qr: true, tc: true } }],
  ['update request 0x1f0a SOA home: ANY, A 192.168.1.9', update],
  ['notify response 0x1f0a SOA home NOERROR', { ...update, header: { ...header, opcode: OPCODE.NOTIFY, qr: true }, authorities: [] }],
])('on one line: %s', (line, message) => {
  expect(formatOnOneLine(message)).toBe(line)
})

test('a summary is always one short line, whatever a record contains', () => {
  const line = formatOnOneLine({ ...response, answers: [record('my-app.home', 'TXT', `"${'\\010'.repeat(200)}"`)] })
  expect(line).not.toContain('\n')
  expect(line.length).toBeLessThan(120)
})
