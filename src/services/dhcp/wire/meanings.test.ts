import { expect, test } from 'vitest'
import { at } from '../testing/bench.ts'
import { dissectMessage } from './dissect.ts'
import { ETHERNET, OP } from './header.ts'
import { meaningsOf } from './meanings.ts'
import { encodeMessage, MESSAGE_TYPE } from './message.ts'

const says = (name: string, value = '') => meaningsOf({ name, value, from: 0, to: 0 }).map(meaning => meaning.says)

test('every field of a message has a meaning, except unknown options', () => {
  const bytes = encodeMessage({
    op: OP.reply, htype: ETHERNET, hops: 0, xid: 1, secs: 0, broadcast: false, ciaddr: 0, yiaddr: at('192.0.2.100'), siaddr: 0, giaddr: 0, chaddr: Uint8Array.of(2, 0, 0, 0, 0, 1), sname: '', file: '',
    options: { messageType: MESSAGE_TYPE.OFFER, hostName: 'x'.repeat(50), domainName: 'y'.repeat(100), leaseSeconds: 3600, unknown: new Map([[200, Uint8Array.of(1)]]) },
  }, [], 300)
  const unexplained = dissectMessage(bytes).fields.flatMap(field => [field, ...field.fields ?? []]).filter(field => meaningsOf(field).length === 0)
  expect(unexplained.map(({ name }) => name)).toEqual(['option 200'])
  expect(says('vend')).toHaveLength(1)
})

test('a message type is explained after the option itself', () => {
  for (const type of Object.keys(MESSAGE_TYPE)) expect(says('option 53 message type', type).at(-1)).toMatch(new RegExp(`^${type}: `))
})

test('an option is identified by its number, and names its source', () => {
  expect(meaningsOf({ name: 'option 3 routers', value: '', from: 0, to: 0 })).toEqual([{ says: 'The routers of the client’s network, in order of preference.', source: 'RFC 2132 §3.5' }])
  expect(says('option 52 overload')).toHaveLength(1)
  expect(says('option 35')).toEqual([])
})
