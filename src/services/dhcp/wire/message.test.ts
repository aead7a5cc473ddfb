import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MalformedPacket } from '../../kit/errors.ts'
import { subnetOf } from '../../kit/ip-address.ts'
import { below, seededRandom } from '../../kit/random.ts'
import { AT } from './header.ts'
import { decodeMessage, encodeBootp, encodeMessage, encodeSequence, encodeWith, MESSAGE_TYPE, peekMessageType, type Message } from './message.ts'
import { sequenceOf } from './option-layout.ts'
import { OPTIONS, type Options } from './options.ts'

const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], pair => parseInt(pair, 16))

/**
 * A packet from its first 44 bytes and the bytes after the magic cookie. sname and file are empty; zeros pad it to 300
 * bytes.
 */
function packet(head: string, options: string): Uint8Array {
  const bytes = new Uint8Array(300)
  bytes.set(bytesOf(head))
  bytes.set(bytesOf(`63825363${options}`), AT.magic)
  return bytes
}

/** Captured from BusyBox udhcpc 1.35 and ISC dhclient 4.4.3. */
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

test('the DISCOVER of udhcpc is decoded', () => {
  const message = decodeMessage(UDHCPC_DISCOVER)
  expect(message).toMatchObject({ op: 1, htype: 1, xid: 0x222b1e65, chaddr: bytesOf('0e20c94b1cb1'), broadcast: false, ciaddr: 0, yiaddr: 0, sname: '', file: '' })
  expect(message.options).toEqual({
    messageType: MESSAGE_TYPE.DISCOVER, maxMessageBytes: 576, parameterRequestList: [1, 3, 6, 12, 15, 28, 42], hostName: 'ua',
    vendorClass: 'udhcp 1.35.0', clientIdentifier: bytesOf('010e20c94b1cb1'),
  })
})

test('the REQUEST of dhclient is decoded, and encoded again with its options in the same order', () => {
  const message = decodeMessage(DHCLIENT_REQUEST)
  expect(message.options).toMatchObject({ messageType: MESSAGE_TYPE.REQUEST, serverIdentifier: 0x0a020001, requestedAddress: 0x0a020065, hostName: 'vm' })
  expect(encodeMessage(message, [53, 54, 50, 12, 55])).toEqual(DHCLIENT_REQUEST)
})

test.each([
  ['after an option that covers the rest', '0001000c036b657401ff0000350101ff', undefined], ['after other options and padding', '000c0335010100350102ff', 2], ['first', '350103', 3],
  ['after the end', 'ff350101', undefined], ['without an end', '0c036b6574350101', 1], ['truncated before its value', '0c036b65743501', undefined], ['nowhere', '', undefined],
])('peekMessageType finds the type: %s in %s', (_where, options, messageType) => {
  const bytes = packet('01010600', options).subarray(0, AT.options + options.length / 2)
  expect(peekMessageType(bytes)).toBe(messageType)
})

test('each header field is in its place (RFC 2131 figure 1)', () => {
  const message: Message = {
    op: 2, htype: 6, hops: 3, xid: 0x04050607, secs: 0x0809, broadcast: true, ciaddr: 0x0a0b0c0d, yiaddr: 0x0e0f1011, siaddr: 0x12131415, giaddr: 0x16171819,
    chaddr: Uint8Array.from({ length: 16 }, (_, index) => 0xe0 + index), sname: 's'.repeat(64), file: 'f'.repeat(128), options: {},
  }
  const text = (character: string, count: number) => character.charCodeAt(0).toString(16).repeat(count)
  const head = '02061003040506070809' + '8000' + '0a0b0c0d0e0f101112131415' + '16171819' + 'e0e1e2e3e4e5e6e7e8e9eaebecedeeef'
  const bytes = encodeMessage(message)
  expect(bytes.subarray(0, AT.options)).toEqual(bytesOf(`${head}${text('s', 63)}00${text('f', 127)}0063825363`))
  expect(decodeMessage(bytes)).toEqual({ ...message, sname: 's'.repeat(63), file: 'f'.repeat(127) })
})

test('a sequence laid out beforehand gives the same message, and none if it is a byte too long', () => {
  const [router, identifier] = [[3, Uint8Array.of(10, 0, 0, 1)], [61, Uint8Array.of(1, 2, 3)]] as const
  for (const domainBytes of [1, 43, 44, 45, 255]) {
    const before = new Map<number, Uint8Array>([[53, Uint8Array.of(2)], [15, new Uint8Array(domainBytes).fill(0x61)], router])
    const whole = encodeWith(plain, new Map([...before, identifier]), [15], Infinity)
    const bytesNeeded = AT.options + 3 + 2 + domainBytes + 6 + 5 + 1
    const sequence = sequenceOf(before, [15])
    expect(encodeSequence(plain, sequence, new Map([identifier]), bytesNeeded)).toEqual(whole)
    expect(whole.length).toBe(Math.max(300, bytesNeeded))
    expect(encodeSequence(plain, sequence, new Map([identifier]), bytesNeeded - 1)).toBeUndefined()
  }
})

test('options follow the requested order, after those that every reply needs and before the rest', () => {
  const bytes = encodeMessage({ ...plain, options: { subnetMask: 0, dnsServers: [1], leaseSeconds: 9, messageType: 2 } }, [6, 1, 99])
  const codes: number[] = []
  for (let at = AT.options; bytes[at] !== 255; at += 2 + (bytes[at + 1] ?? 0)) codes.push(bytes[at] ?? 0)
  expect(codes).toEqual([53, 51, 6, 1])
})

test('a message has at least 300 bytes, and more only if its options need them', () => {
  expect(encodeMessage(plain)).toHaveLength(300)
  expect(encodeMessage({ ...plain, options: { domainName: 'x'.repeat(200) } })).toHaveLength(240 + 202 + 1)
})

test('a value longer than 255 bytes is split over two options and joined again', () => {
  const domainName = 'example.org '.repeat(40)
  const bytes = encodeMessage({ ...plain, options: { domainName } })
  expect([bytes[240], bytes[241], bytes[497], bytes[498]]).toEqual([15, 255, 15, 480 - 255])
  expect(decodeMessage(bytes).options.domainName).toBe(domainName)
})

test('options that do not fit after the header go into file and sname, and those that fit nowhere are left out', () => {
  const options: Options = {
    messageType: 2, serverIdentifier: 1, leaseSeconds: 60, domainName: 'd'.repeat(250), captivePortal: 'p'.repeat(120), hostName: 'h'.repeat(60),
    bootFileName: 'b'.repeat(100), relayAgent: bytesOf('0104aabbccdd'),
  }
  const bytes = encodeMessage({ ...plain, options }, [15, 114, 12, 67], 548)
  expect(decodeMessage(bytes).options).toEqual({ ...options, bootFileName: undefined })
  expect([bytes[AT.file], bytes[AT.sname]]).toEqual([114, 12])
  expect(bytes.subarray(bytes.length - 12)).toEqual(bytesOf('340103' + '52060104aabbccdd' + 'ff'))
})

test('a long value continues in file when the first field is full, its parts in order', () => {
  const domainName = 'abcdefghij'.repeat(37)
  const bytes = encodeMessage({ ...plain, options: { messageType: 2, domainName } }, [], 548)
  expect([bytes[243], bytes[244], bytes[AT.file], bytes[AT.file + 1]]).toEqual([15, 255, 15, 115])
  expect(decodeMessage(bytes).options.domainName).toBe(domainName)
})

test('file and sname are read as options, not as text, if option 52 says so', () => {
  const bytes = packet('01010600', '350101340103ff')
  bytes.set(bytesOf('0c03616263ff'), AT.file)
  bytes.set(bytesOf('0c03646566ff'), AT.sname)
  expect(decodeMessage(bytes)).toMatchObject({ file: '', sname: '', options: { messageType: 1, hostName: 'abcdef' } })
})

test('a field that option 52 does not name stays text', () => {
  const bytes = packet('01010600', '340101ff')
  bytes.set(bytesOf('0c03616263ff'), AT.file)
  bytes.set(bytesOf('626f6f74'), AT.sname)
  expect(decodeMessage(bytes)).toMatchObject({ file: '', sname: 'boot', options: { hostName: 'abc' } })
})

test('unknown options are kept as bytes', () => {
  expect(decodeMessage(packet('02010600', 'e002abcdff')).options.unknown).toEqual(new Map([[224, bytesOf('abcd')]]))
})

test.each([
  { name: 'an empty list of addresses', option: '0600' },
  { name: 'a list of addresses whose length is not a multiple of four', option: '06050102030405' },
  { name: 'an empty parameter request list', option: '3700' },
  { name: 'a truncated route', option: '7904080a0102' },
  { name: 'a rapid commit with a value', option: '500101' },
  { name: 'a name with a truncated label', option: '5105040000056b' },
])('left out, while the rest is decoded: $name', ({ option }) => {
  expect(decodeMessage(packet('02010600', `${option}3501020c0161ff`)).options).toEqual({ messageType: 2, hostName: 'a' })
})

test.each([236, 239, 240, 300])('a BOOTP request of %i bytes without the magic cookie is decoded as one without options', length => {
  const bytes = packet('0101060000000007', '350101ff')
  bytes[AT.magic] = 0
  expect(decodeMessage(bytes.subarray(0, length))).toMatchObject({ op: 1, xid: 7, options: {} })
})

test('a message for a BOOTP client keeps to the 64 bytes that it reads, and puts nothing in file and sname', () => {
  const values = new Map([[1, Uint8Array.of(255, 255, 255, 0)], [15, new Uint8Array(40).fill(0x61)], [6, Uint8Array.of(192, 0, 2, 1)], [3, Uint8Array.of(192, 0, 2, 1)]])
  const bytes = encodeBootp({ ...plain, op: 2 }, values)
  expect(bytes.length).toBe(300)
  expect(decodeMessage(bytes)).toMatchObject({ sname: '', file: '', options: { subnetMask: 0xffffff00, routers: [0xc0000201], dnsServers: [0xc0000201] } })
  expect([...bytes.subarray(AT.options + 18)]).toEqual([255, ...new Uint8Array(41)])
})

test.each([
  { name: 'in a name', options: '3501010c03616263' + '0f096b6574', read: { messageType: 1, hostName: 'abc' } },
  { name: 'after its code', options: '3501010c03616263' + '0f', read: { messageType: 1, hostName: 'abc' } },
  { name: 'in the second part of a value', options: '3501010c03616263' + '0f03646566' + '0f056768', read: { messageType: 1, hostName: 'abc' } },
])('a truncated option is left out, and those before it are decoded: $name', ({ options, read }) => {
  expect(decodeMessage(packet('01010600', options).subarray(0, AT.options + options.length / 2)).options).toEqual(read)
})

test('an option truncated in one field leaves the options of the other fields', () => {
  const bytes = packet('01010600', '350101340103ff')
  bytes.set(bytesOf('0c03616263' + '0ff0'), AT.file)
  bytes.set(bytesOf('3c03646566ff'), AT.sname)
  expect(decodeMessage(bytes).options).toEqual({ messageType: 1, hostName: 'abc', vendorClass: 'def' })
})

test.each([
  { name: 'one byte too short', bytes: UDHCPC_DISCOVER.subarray(0, 235), rule: 'RFC 2131 §2', offset: 235 },
  { name: 'a reply without the magic cookie', bytes: Uint8Array.of(2, ...new Uint8Array(239)), rule: 'RFC 2131 §3', offset: 236 },
  { name: 'a reply that ends inside the magic cookie', bytes: packet('02010600', '350102ff').subarray(0, 239), rule: 'RFC 2131 §3', offset: 236 },
  { name: 'an unknown op', bytes: packet('03010600', 'ff'), rule: 'RFC 2131 §2', offset: 0 },
  { name: 'a hardware address of 17 bytes', bytes: packet('01011100', 'ff'), rule: 'RFC 2131 §2', offset: 2 },
  { name: 'an option that extends past the end', bytes: packet('01010600', '350101').subarray(0, 242), rule: 'RFC 2132 §2', offset: 240 },
  { name: 'an option without a length', bytes: packet('01010600', '35').subarray(0, 241), rule: 'RFC 2132 §2', offset: 240 },
  { name: 'a truncated option before the type', bytes: packet('01010600', '0cf06b6574350101ff'), rule: 'RFC 2132 §2', offset: 240 },
  { name: 'a truncated address', bytes: packet('01010600', '3501033204c000').subarray(0, 247), rule: 'RFC 2132 §2', offset: 243 },
  { name: 'a truncated server identifier', bytes: packet('01010600', '3501033204c0000264360ac00002').subarray(0, 254), rule: 'RFC 2132 §2', offset: 249 },
  { name: 'an empty message type', bytes: packet('01010600', '3500ff'), rule: 'RFC 2132 §9.6', offset: 240 },
  { name: 'a lease time of two bytes', bytes: packet('01010600', '00003302ffffff'), rule: 'RFC 2132 §9.2', offset: 242 },
  { name: 'an address of three bytes', bytes: packet('01010600', '3203010203ff'), rule: 'RFC 2132 §9.1', offset: 240 },
  { name: 'a server identifier of five bytes', bytes: packet('01010600', '36050102030405ff'), rule: 'RFC 2132 §9.7', offset: 240 },
  { name: 'an overload of 4', bytes: packet('01010600', '340104ff'), rule: 'RFC 2132 §9.3', offset: 240 },
])('rejected: $name', ({ bytes, rule, offset }) => {
  const error = thrownBy(() => decodeMessage(bytes))
  expect(error).toBeInstanceOf(MalformedPacket)
  expect(error).toMatchObject({ rule, offset })
})

const uint32 = fc.integer({ min: 0, max: 0xffffffff })
const latin = (maxLength: number) => fc.array(fc.integer({ min: 1, max: 255 }), { maxLength, size: 'max' }).map(codes => String.fromCharCode(...codes))
const octets = fc.uint8Array({ maxLength: 600, size: 'max' })
const codes = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 40, size: 'max' })
const uint16 = fc.integer({ min: 0, max: 0xffff })
const addresses = fc.array(uint32, { minLength: 1, maxLength: 80, size: 'max' })

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/)
const domain = fc.array(label, { minLength: 1, maxLength: 5 }).map(labels => labels.join('.'))
const route = fc.record({ destination: fc.tuple(uint32, fc.integer({ min: 0, max: 32 })).map(([address, bits]) => subnetOf(address, bits)), router: uint32 })

const anyOptions: fc.Arbitrary<Options> = fc.record({
  subnetMask: uint32, routers: addresses, dnsServers: addresses, hostName: latin(300), domainName: latin(300), broadcastAddress: uint32,
  vendorSpecific: octets, requestedAddress: uint32, leaseSeconds: uint32, messageType: fc.integer({ min: 0, max: 255 }), serverIdentifier: uint32,
  parameterRequestList: codes, message: latin(40), maxMessageBytes: uint16, renewalSeconds: uint32, rebindingSeconds: uint32, vendorClass: latin(30), clientIdentifier: octets,
  interfaceMtu: uint16, ntpServers: addresses, tftpServerName: latin(300), bootFileName: latin(300), rapidCommit: fc.constant(true), relayAgent: octets, captivePortal: latin(300),
  webProxyDiscovery: latin(300), domainSearch: fc.array(domain, { minLength: 1, maxLength: 20, size: 'max' }), classlessRoutes: fc.array(route, { minLength: 1, maxLength: 60, size: 'max' }),
  clientFqdn: fc.record({ flags: fc.integer({ min: 0, max: 255 }), name: fc.tuple(domain, fc.boolean()).map(([name, whole]) => whole ? `${name}.` : name) }),
  unknown: fc.array(fc.tuple(fc.integer({ min: 128, max: 251 }), octets), { minLength: 1, maxLength: 5 }).map(entries => new Map(entries)),
}, { requiredKeys: [] })

const anyMessage: fc.Arbitrary<Message> = fc.record({
  op: fc.constantFrom(1, 2), htype: fc.integer({ min: 0, max: 255 }), hops: fc.integer({ min: 0, max: 255 }), xid: uint32, secs: uint16, broadcast: fc.boolean(),
  ciaddr: uint32, yiaddr: uint32, siaddr: uint32, giaddr: uint32, chaddr: fc.uint8Array({ maxLength: 16, size: 'max' }), sname: latin(63), file: latin(127), options: anyOptions,
})

test('every message survives a round trip, in any order of options', () => {
  fc.assert(fc.property(anyMessage, codes, (message, order) => {
    expect(decodeMessage(encodeMessage(message, order))).toEqual(message)
  }), { numRuns: 100 })
}, 30_000)

test('a message of limited size keeps to it, leaves out whole options only, and carries the others intact', () => {
  fc.assert(fc.property(anyMessage, codes, fc.integer({ min: 548, max: 1472 }), (message, order, bytesMax) => {
    const { relayAgent: _unbounded, ...options } = message.options
    const small = { ...message, sname: '', file: '', options: { ...options, messageType: 2, serverIdentifier: 1 } }
    const bytes = encodeMessage(small, order, bytesMax)
    const decoded = decodeMessage(bytes)
    expect(bytes.length).toBeLessThanOrEqual(bytesMax)
    expect(decoded).toMatchObject({ ...small, options: { messageType: 2, serverIdentifier: 1 } })
    expect(small.options).toMatchObject({ ...decoded.options, ...(decoded.options.unknown && { unknown: expect.any(Map) }) })
  }), { numRuns: 100 })
}, 30_000)

test('the round-trip property covers every option', () => {
  const seen = new Set(fc.sample(anyOptions, 100).flatMap(options => Object.keys(options)))
  expect([...seen].sort()).toEqual([...Object.keys(OPTIONS), 'unknown'].sort())
})

/** Every option that has a structure of its own, for damage to hit. */
const EVERYTHING = encodeMessage({ ...plain, options: {
  messageType: 1, classlessRoutes: [{ destination: subnetOf(0x0a000000, 8), router: 1 }], domainSearch: ['lab.example.org', 'example.org'], clientFqdn: { flags: 5, name: 'kettle.home.' },
  relayAgent: bytesOf('0504c0000201'), rapidCommit: true, dnsServers: [1, 2], interfaceMtu: 1500, unknown: new Map([[224, bytesOf('abcd')]]),
} })

test('100,000 damaged packets are decoded or rejected as malformed, and nothing else happens', () => {
  const random = seededRandom(20261124)
  const outcomes = { read: 0, malformed: 0 }
  const whole = [UDHCPC_DISCOVER, DHCLIENT_REQUEST, EVERYTHING]
  for (let round = 0; round < 100_000; round++) {
    const bytes = damaged(whole[round % whole.length] ?? EVERYTHING)
    try {
      decodeMessage(bytes)
      outcomes.read++
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw new Error(`round ${round}: ${String(error)}`, { cause: error })
      expect(error.offset).toBeLessThanOrEqual(bytes.length)
      outcomes.malformed++
    }
  }
  expect(outcomes.read).toBeGreaterThan(1000)
  expect(outcomes.malformed).toBeGreaterThan(1000)

  /** Truncated anywhere or extended with noise, and up to eight bytes changed, most of them among the options. */
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
}, 60_000)

function thrownBy(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}
