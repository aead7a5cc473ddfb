import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MalformedPacket } from '../../kit/errors.ts'
import { below, seededRandom } from '../../kit/random.ts'
import { AT } from './header.ts'
import { decodeMessage, encodeMessage, MESSAGE_TYPE, summaryOf, type Message } from './message.ts'
import { OPTIONS, type Options } from './options.ts'

const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], pair => parseInt(pair, 16))

/** A packet from its first 44 bytes and what follows the magic; sname and file are empty, zeros fill it up to 300 bytes. */
function packet(head: string, options: string): Uint8Array {
  const bytes = new Uint8Array(300)
  bytes.set(bytesOf(head))
  bytes.set(bytesOf(`63825363${options}`), AT.magic)
  return bytes
}

/** What BusyBox udhcpc 1.35 and ISC dhclient 4.4.3 sent. */
const UDHCPC_DISCOVER = packet(
  '01010600222b1e6500000000000000000000000000000000000000000e20c94b1cb100000000000000000000',
  '3501013902024037070103060c0f1c2a0c0275613c0c756468637020312e33352e303d07010e20c94b1cb1ff')
const DHCLIENT_REQUEST = packet(
  '0101060060b0cf5b0000000000000000000000000000000000000000de8a865b0af700000000000000000000',
  '35010336040a02000132040a0200650c02766d370d011c02030f06770c2c2f1a792aff')

const plain: Message = {
  op: 1, htype: 1, hops: 0, xid: 7, secs: 0, broadcast: false, ciaddr: 0, yiaddr: 0, siaddr: 0, giaddr: 0,
  chaddr: bytesOf('02005e000001'), sname: '', file: '', options: {},
}

test('the DISCOVER of udhcpc is read', () => {
  const message = decodeMessage(UDHCPC_DISCOVER)
  expect(message).toMatchObject({ op: 1, htype: 1, xid: 0x222b1e65, broadcast: false, ciaddr: 0, yiaddr: 0, sname: '', file: '' })
  expect(message.options).toEqual({
    messageType: MESSAGE_TYPE.DISCOVER, maxMessageBytes: 576, parameterRequestList: [1, 3, 6, 12, 15, 28, 42], hostName: 'ua',
    vendorClass: 'udhcp 1.35.0', clientIdentifier: bytesOf('010e20c94b1cb1'),
  })
  expect(summaryOf(message)).toBe('DISCOVER by 0e:20:c9:4b:1c:b1 "ua" (xid 222b1e65)')
})

test('the REQUEST of dhclient is read, and written again in its own order of options', () => {
  const message = decodeMessage(DHCLIENT_REQUEST)
  expect(summaryOf(message)).toBe('REQUEST by de:8a:86:5b:0a:f7 "vm" asks for 10.2.0.101 of server 10.2.0.1 (xid 60b0cf5b)')
  expect(encodeMessage(message, [53, 54, 50, 12, 55])).toEqual(DHCLIENT_REQUEST)
})

test('an answer says to whom, from whom and for how long', () => {
  const offer: Message = { ...plain, op: 2, yiaddr: 0x0a000064, options: { messageType: MESSAGE_TYPE.OFFER, serverIdentifier: 0x0a000001, leaseSeconds: 3600 } }
  expect(summaryOf(offer)).toBe('OFFER 10.0.0.100 to 02:00:5e:00:00:01 from 10.0.0.1 for 3600 s (xid 00000007)')
})

test('options stand in the order that was asked for, the message type before them and the rest behind', () => {
  const bytes = encodeMessage({ ...plain, options: { subnetMask: 0, dnsServers: [1], leaseSeconds: 9, messageType: 2 } }, [6, 1, 99])
  const codes: number[] = []
  for (let at = AT.options; bytes[at] !== 255; at += 2 + (bytes[at + 1] ?? 0)) codes.push(bytes[at] ?? 0)
  expect(codes).toEqual([53, 6, 1, 51])
})

test('every message has 300 bytes at least, and more only where its options need them', () => {
  expect(encodeMessage(plain)).toHaveLength(300)
  expect(encodeMessage({ ...plain, options: { domainName: 'x'.repeat(200) } })).toHaveLength(240 + 202 + 1)
})

test('a value beyond 255 bytes goes through two options and comes back whole', () => {
  const domainName = 'example.org '.repeat(40)
  const bytes = encodeMessage({ ...plain, options: { domainName } })
  expect([bytes[240], bytes[241], bytes[497], bytes[498]]).toEqual([15, 255, 15, 480 - 255])
  expect(decodeMessage(bytes).options.domainName).toBe(domainName)
})

test('options in file and sname count where option 52 says so, and are no text then', () => {
  const bytes = packet('01010600', '350101340103ff')
  bytes.set(bytesOf('0c03616263ff'), AT.file)
  bytes.set(bytesOf('0c03646566ff'), AT.sname)
  expect(decodeMessage(bytes)).toMatchObject({ file: '', sname: '', options: { messageType: 1, hostName: 'abcdef' } })
})

test('what option 52 does not name stays text', () => {
  const bytes = packet('01010600', '340101ff')
  bytes.set(bytesOf('0c03616263ff'), AT.file)
  bytes.set(bytesOf('626f6f74'), AT.sname)
  expect(decodeMessage(bytes)).toMatchObject({ file: '', sname: 'boot', options: { hostName: 'abc' } })
})

test('options that nobody knows are kept', () => {
  expect(decodeMessage(packet('02010600', 'e002abcdff')).options.unknown).toEqual(new Map([[224, bytesOf('abcd')]]))
})

test.each([
  { name: 'one byte too short', bytes: UDHCPC_DISCOVER.subarray(0, 239), rule: 'RFC 2131 §2', offset: 239 },
  { name: 'no magic', bytes: Uint8Array.of(1, ...new Uint8Array(239)), rule: 'RFC 2131 §3', offset: 236 },
  { name: 'an op that is none', bytes: packet('03010600', 'ff'), rule: 'RFC 2131 §2', offset: 0 },
  { name: 'a hardware address of 17 bytes', bytes: packet('01011100', 'ff'), rule: 'RFC 2131 §2', offset: 2 },
  { name: 'an option that reaches over the end', bytes: packet('01010600', '350101').subarray(0, 242), rule: 'RFC 2132 §2', offset: 240 },
  { name: 'an option without a length', bytes: packet('01010600', '35').subarray(0, 241), rule: 'RFC 2132 §2', offset: 240 },
  { name: 'an address of three bytes', bytes: packet('01010600', '3203010203ff'), rule: 'RFC 2132 §9.1', offset: 240 },
  { name: 'a list of addresses that is not a multiple of four', bytes: packet('01010600', '000006050102030405ff'), rule: 'RFC 2132 §3.8', offset: 242 },
  { name: 'an overload of 4', bytes: packet('01010600', '340104ff'), rule: 'RFC 2132 §9.3', offset: 240 },
])('refused: $name', ({ bytes, rule, offset }) => {
  const error = thrownBy(() => decodeMessage(bytes))
  expect(error).toBeInstanceOf(MalformedPacket)
  expect(error).toMatchObject({ rule, offset })
})

const uint32 = fc.integer({ min: 0, max: 0xffffffff })
const latin = (maxLength: number) => fc.array(fc.integer({ min: 1, max: 255 }), { maxLength }).map(codes => String.fromCharCode(...codes))
const octets = fc.uint8Array({ maxLength: 600 })
const codes = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 40 })
const uint16 = fc.integer({ min: 0, max: 0xffff })
const addresses = fc.array(uint32, { minLength: 1, maxLength: 80 })

const anyOptions: fc.Arbitrary<Options> = fc.record({
  subnetMask: uint32, routers: addresses, dnsServers: addresses, hostName: latin(300), domainName: latin(300), broadcastAddress: uint32,
  vendorSpecific: octets, requestedAddress: uint32, leaseSeconds: uint32, messageType: fc.integer({ min: 0, max: 255 }), serverIdentifier: uint32,
  parameterRequestList: codes, message: latin(40), maxMessageBytes: uint16, renewalSeconds: uint32, rebindingSeconds: uint32, vendorClass: latin(30), clientIdentifier: octets,
  unknown: fc.array(fc.tuple(fc.integer({ min: 100, max: 254 }), octets), { minLength: 1, maxLength: 5 }).map(entries => new Map(entries)),
}, { requiredKeys: [] })

const anyMessage: fc.Arbitrary<Message> = fc.record({
  op: fc.constantFrom(1, 2), htype: fc.integer({ min: 0, max: 255 }), hops: fc.integer({ min: 0, max: 255 }), xid: uint32, secs: uint16, broadcast: fc.boolean(),
  ciaddr: uint32, yiaddr: uint32, siaddr: uint32, giaddr: uint32, chaddr: fc.uint8Array({ maxLength: 16 }), sname: latin(63), file: latin(127), options: anyOptions,
})

test('every message is read as it was written, in whatever order of options', () => {
  fc.assert(fc.property(anyMessage, codes, (message, order) => {
    expect(decodeMessage(encodeMessage(message, order))).toEqual(message)
  }), { numRuns: 500 })
})

test('the property above knows every option', () => {
  const seen = new Set(fc.sample(anyOptions, 100).flatMap(options => Object.keys(options)))
  expect([...seen].sort()).toEqual([...Object.keys(OPTIONS), 'unknown'].sort())
})

test('20,000 damaged packets are read or refused as malformed, and nothing else happens', () => {
  const random = seededRandom(20261124)
  const outcomes = { read: 0, malformed: 0 }
  for (let round = 0; round < 20_000; round++) {
    const bytes = damaged(round % 2 === 0 ? UDHCPC_DISCOVER : DHCLIENT_REQUEST)
    try {
      summaryOf(decodeMessage(bytes))
      outcomes.read++
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw new Error(`round ${round}: ${String(error)}`, { cause: error })
      expect(error.offset).toBeLessThanOrEqual(bytes.length)
      outcomes.malformed++
    }
  }
  expect(outcomes.read).toBeGreaterThan(1000)
  expect(outcomes.malformed).toBeGreaterThan(1000)

  /** Cut at any place, or lengthened by noise, and up to eight bytes changed, most of them among the options. */
  function damaged(whole: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(below(random, 3) === 0 ? below(random, 600) : whole.length)
    bytes.set(whole.subarray(0, bytes.length))
    for (let at = whole.length; at < bytes.length; at++) bytes[at] = random.uint32()
    for (let change = below(random, 9); change > 0; change--) {
      const at = below(random, 4) === 0 ? below(random, bytes.length + 1) : AT.options + below(random, 60)
      if (at < bytes.length) bytes[at] = random.uint32()
    }
    return bytes
  }
})

function thrownBy(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}
