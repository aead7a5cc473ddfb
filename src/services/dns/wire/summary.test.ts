import { expect, test } from 'vitest'
import { record } from '../testing/records.ts'
import { optRecord } from './edns.ts'
import { EDE, extendedErrorOption } from './edns-options.ts'
import type { Message } from './message.ts'
import { formatMessage, formatOnOneLine } from './summary.ts'
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

test('a line stays a line, whatever a record holds', () => {
  const line = formatOnOneLine({ ...response, answers: [record('my-app.home', 'TXT', `"${'\\010'.repeat(200)}"`)] })
  expect(line).not.toContain('\n')
  expect(line.length).toBeLessThan(120)
})

test('a response in sections reads as dig prints it', () => {
  expect(formatMessage(response)).toBe(`;; opcode: QUERY, status: NOERROR, id: 7946
;; flags: qr aa rd ra; QUESTION: 1, ANSWER: 4, AUTHORITY: 0, ADDITIONAL: 1

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags: do; udp: 1232
; EDE 3 (stale answer): old

;; QUESTION SECTION:
;my-app.home. IN A

;; ANSWER SECTION:
my-app.home. 300 IN CNAME web.home.
web.home. 300 IN A 192.168.1.1
web.home. 300 IN A 192.168.1.2
web.home. 300 IN A 192.168.1.3
`)
})

test('an update calls its sections by their own names, and what goes has no data', () => {
  expect(formatMessage(update)).toBe(`;; opcode: UPDATE, status: NOERROR, id: 7946
;; flags: ; ZONE: 1, PREREQUISITE: 0, UPDATE: 2, ADDITIONAL: 0

;; ZONE SECTION:
;home. IN SOA

;; UPDATE SECTION:
old.home. 0 ANY ANY
new.home. 300 IN A 192.168.1.9
`)
})
