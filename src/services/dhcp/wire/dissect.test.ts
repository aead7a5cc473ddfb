import fc from 'fast-check'
import { expect, test } from 'vitest'
import { firstGap } from '../../kit/testing/tiling.ts'
import { at } from '../testing/bench.ts'
import { dissectMessage } from './dissect.ts'
import { ETHERNET, OP, type Header } from './header.ts'
import { encodeMessage, MESSAGE_TYPE } from './message.ts'

const plain: Header = {
  op: OP.reply, htype: ETHERNET, hops: 0, xid: 0x3903f326, secs: 0, broadcast: true, ciaddr: 0, yiaddr: at('192.0.2.100'), siaddr: 0, giaddr: 0,
  chaddr: Uint8Array.of(2, 0, 0x5e, 0, 0, 1), sname: '', file: '',
}
const offer = {
  ...plain,
  options: {
    messageType: MESSAGE_TYPE.OFFER, serverIdentifier: at('192.0.2.1'), leaseSeconds: 3600, subnetMask: at('255.255.255.0'), routers: [at('192.0.2.1')], hostName: 'guest',
    classlessRoutes: [{ destination: { network: at('10.0.0.0'), prefixBits: 8 }, router: at('192.0.2.1') }], clientFqdn: { flags: 5, name: 'guest.home' }, parameterRequestList: [1, 3, 200],
    unknown: new Map([[200, Uint8Array.of(1, 2)]]),
  },
}
const lines = (bytes: Uint8Array) => dissectMessage(bytes).fields.map(({ name, value }) => `${name}: ${value}`)

test('an OFFER is dissected byte by byte', () => {
  const bytes = encodeMessage(offer)
  const { summary, fields } = dissectMessage(bytes)
  expect(summary).toContain('OFFER 192.0.2.100 to 02:00:5e:00:00:01')
  expect(firstGap(fields, bytes.length)).toBeUndefined()
  expect(lines(bytes)).toEqual(expect.arrayContaining([
    'op: 2, a reply', 'htype: 1, Ethernet', 'hlen: 6 bytes', 'xid: 0x3903f326', 'flags: broadcast the reply', 'ciaddr: 0.0.0.0, the client has none yet', 'yiaddr: 192.0.2.100',
    'chaddr: 02:00:5e:00:00:01', 'sname: empty', 'option 53 message type: OFFER', 'option 54 server identifier: 192.0.2.1', 'option 51 lease seconds: 3600 s', 'option 3 routers: 192.0.2.1',
    'option 12 host name: "guest"', 'option 121 classless routes: 10.0.0.0/8 via 192.0.2.1', 'option 81 client fqdn: guest.home S E', 'option 55 parameter request list: subnet mask, routers, option 200',
    'option 200: 01 02', 'option 255: end',
  ]))
})

test('file and sname are dissected as options if they carry options (RFC 2132 §9.3)', () => {
  const bytes = encodeMessage({ ...plain, options: { messageType: MESSAGE_TYPE.OFFER, hostName: 'x'.repeat(50), domainName: 'y'.repeat(100) } }, [], 300)
  const file = dissectMessage(bytes).fields.find(({ name }) => name === 'file')
  expect(file?.value).toBe('options')
  expect(firstGap((file?.fields ?? []).map(field => ({ ...field, from: field.from - 108, to: field.to - 108 })), 128)).toBeUndefined()
})

test('a BOOTP request without options is shown as BOOTP', () => {
  const bytes = encodeMessage({ ...plain, op: OP.request, options: {} }).fill(7, 236)
  expect(lines(bytes).at(-1)).toBe('vend: no options')
  expect(lines(bytes.subarray(0, 236)).at(-1)).toBe('file: empty')
  expect([dissectMessage(bytes).summary, dissectMessage(bytes.subarray(0, 236)).summary]).toEqual(new Array(2).fill('BOOTP 192.0.2.100 by 02:00:5e:00:00:01 (xid 3903f326)'))
})

test('a truncated message keeps the fields before the fault, and says what is wrong', () => {
  const bytes = encodeMessage(offer).slice(0, 242)
  expect(lines(bytes).at(-1)).toMatch(/^malformed: byte 240: option 53 extends past the end/)
})

test('any bytes are dissected without a gap', () => {
  const whole = encodeMessage(offer)
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 120, size: 'max' }), fc.nat(300), (noise, place) => {
    const bytes = whole.slice()
    bytes.set(noise.subarray(0, Math.max(0, bytes.length - place)), Math.min(place, bytes.length))
    expect(firstGap(dissectMessage(bytes).fields, bytes.length)).toBeUndefined()
    expect(firstGap(dissectMessage(noise).fields, noise.length)).toBeUndefined()
  }), { numRuns: 2000 })
})
