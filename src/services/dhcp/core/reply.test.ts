import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FQDN_FLAGS } from '../wire/domain-names.ts'
import { HAMLET_CLASS } from '../wire/hamlet-options.ts'
import { encodeMessage, MESSAGE_TYPE } from '../wire/message.ts'
import type { Options } from '../wire/options.ts'
import { OFFER_MS } from './leases.ts'
import { parseOptionSettings } from './option-settings.ts'
import { at, Bench, candidate, mac } from '../testing/bench.ts'

const DISCOVER: Options = { messageType: MESSAGE_TYPE.DISCOVER }
const SET = parseOptionSettings(['42=192.0.2.7', 'ntp-servers=192.0.2.8', '119=lab.example.org', '114=https://portal.example.org/', '26=1400', '224=0x0a0b', '66=192.0.2.66', '67=boot/kettle.efi'])
const CONFIGURED: Options = {
  ntpServers: [at('192.0.2.7'), at('192.0.2.8')], domainSearch: ['lab.example.org'], captivePortal: 'https://portal.example.org/', interfaceMtu: 1400,
  unknown: new Map([[224, Uint8Array.of(0x0a, 0x0b)]]), tftpServerName: '192.0.2.66', bootFileName: 'boot/kettle.efi',
}

test('configured options go to clients that request them, and to those that send no parameter request list', () => {
  const bench = new Bench({ options: SET })
  expect(bench.ask(DISCOVER)[0]?.message.options).toMatchObject(CONFIGURED)
  const [some] = bench.ask({ ...DISCOVER, parameterRequestList: [26, 224] })
  expect(some?.message.options).toEqual({
    messageType: MESSAGE_TYPE.OFFER, serverIdentifier: at('192.0.2.1'), leaseSeconds: 3600, renewalSeconds: 1800, rebindingSeconds: 3150, subnetMask: at('255.255.255.0'),
    interfaceMtu: 1400, unknown: CONFIGURED.unknown,
  })
})

test('configured options override the derived ones', () => {
  const bench = new Bench({ options: parseOptionSettings(['3=192.0.2.254', '15=example.org', '6=192.0.2.53', '6=192.0.2.54', '28=192.0.2.127', '1=255.255.255.128']) })
  expect(bench.ask(DISCOVER)[0]?.message.options).toMatchObject({
    routers: [at('192.0.2.254')], domainName: 'example.org', dnsServers: [at('192.0.2.53'), at('192.0.2.54')], broadcastAddress: at('192.0.2.127'), subnetMask: at('255.255.255.128'),
  })
})

test('T1 and T2 can be configured, and stay in order within a shorter lease that a client asks for', () => {
  const times = (texts: string[], leaseSeconds = 3600) => {
    const { renewalSeconds, rebindingSeconds } = new Bench({ options: parseOptionSettings(texts) }).ask({ ...DISCOVER, leaseSeconds })[0]?.message.options ?? {}
    return [renewalSeconds, rebindingSeconds]
  }
  expect([times(['58=60', 'rebinding-seconds=90']), times(['58=3000', '59=3500']), times(['59=700'])]).toEqual([[60, 90], [3000, 3500], [400, 700]])
  expect([times(['58=300', '59=2000'], 600), times(['58=1000', '59=2000'], 600), times([], 60)]).toEqual([[300, 525], [300, 525], [30, 52]])
})

test('boot server and boot file are in the header too, also in the reply to an INFORM', () => {
  const bench = new Bench({ options: SET })
  expect(bench.ask({ ...DISCOVER, parameterRequestList: [1] })[0]?.message).toMatchObject({ siaddr: at('192.0.2.66'), file: 'boot/kettle.efi' })
  expect(bench.ask({ messageType: MESSAGE_TYPE.INFORM }, { ciaddr: at('192.0.2.50') })[0]?.message).toMatchObject({ siaddr: at('192.0.2.66'), options: CONFIGURED })
  expect(bench.ask({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at('198.51.100.7') })[0]?.message).toMatchObject({ siaddr: 0, file: '', options: { messageType: MESSAGE_TYPE.NAK } })
})

test('a reply has at most 548 bytes, or more if the client accepts more, but never more than fits a frame', () => {
  const bench = new Bench({ options: parseOptionSettings(['224=' + 'a'.repeat(250), '225=' + 'b'.repeat(250), '226=' + 'c'.repeat(250), '227=' + 'd'.repeat(1000)]) })
  const length = (maxMessageBytes?: number) => bench.ask({ ...DISCOVER, maxMessageBytes })[0]?.bytes.length ?? 0
  expect(length()).toBeLessThanOrEqual(548)
  expect(length(40)).toBe(length())
  expect(length(1200)).toBeGreaterThan(750)
  expect(length(65_535)).toBeLessThanOrEqual(1472)
})

test('the Client FQDN option in a reply says who updates the DNS, and with which name', () => {
  const fqdnReply = (flags: number, name: string, hostName?: string) => new Bench().ask({ ...DISCOVER, clientFqdn: { flags, name }, hostName })[0]?.message.options.clientFqdn
  const { S, O, E } = FQDN_FLAGS
  expect(fqdnReply(S | E, 'kettle')).toEqual({ flags: S | E, name: 'kettle.home.' })
  expect(fqdnReply(E, 'kettle.example.org.')).toEqual({ flags: S | O | E, name: 'kettle.home.' })
  expect(fqdnReply(S | E, 'Ophelia\'s Mac')).toEqual({ flags: S | E, name: 'ophelia-s-mac.home.' })
  expect(fqdnReply(S | E, 'kettle', 'teapot')).toEqual({ flags: S | E, name: 'kettle.home.' })
  expect(fqdnReply(S | E, '', 'teapot')).toEqual({ flags: S | E, name: 'teapot.home.' })
})

test('a client whose name is not registered gets the N flag, whether it asked for that or not', () => {
  const { S, O, E, N } = FQDN_FLAGS
  const fqdnReply = (flags: number, name: string) => {
    const bench = new Bench({ settings: { reserve: ['02:00:5e:00:00:09=192.0.2.10=printer'] } })
    return bench.ask({ ...DISCOVER, clientFqdn: { flags, name } })[0]?.message.options.clientFqdn
  }
  expect(fqdnReply(N, 'kettle')).toEqual({ flags: N, name: 'kettle.home.' })
  expect(fqdnReply(S | E, 'wpad')).toEqual({ flags: O | N | E, name: 'wpad.home.' })
  expect(fqdnReply(S | E, 'printer')).toEqual({ flags: O | N | E, name: 'printer.home.' })
  expect(fqdnReply(S | E, '')).toEqual({ flags: O | N | E, name: '' })
})

test('a client whose name belongs to another client, or is registered by others, gets the N flag', () => {
  const { S, O, E, N } = FQDN_FLAGS
  const bench = new Bench()
  const request = () => bench.ask({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at('192.0.2.100'), serverIdentifier: at('192.0.2.1'), clientFqdn: { flags: S | E, name: 'kettle' } })
    .map(({ type, message }) => [type, message.options.clientFqdn?.flags])
  bench.names.leased(at('192.0.2.150'), { key: '99', mac: '', hostName: 'kettle' })
  expect(request()).toEqual([['ACK', O | N | E]])
  bench.names.ended(at('192.0.2.150'))
  expect(request()).toEqual([['ACK', S | E]])
  for (const event of bench.events) if (event.kind === 'leased') bench.names.leased(event.binding.yiaddr, event.binding.client)
  bench.names.updated('kettle.home', false)
  expect(request()).toEqual([['ACK', O | N | E]])
})

test('the N flag of a client is kept with its lease', () => {
  const bench = new Bench()
  const fqdn = (flags: number): Options => ({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at('192.0.2.100'), serverIdentifier: at('192.0.2.1'), clientFqdn: { flags, name: 'kettle' } })
  bench.ask(fqdn(FQDN_FLAGS.N | FQDN_FLAGS.E))
  bench.restart()
  expect(bench.server.leased()).toMatchObject([{ client: { hostName: 'kettle', unlisted: true } }])
  bench.ask(fqdn(FQDN_FLAGS.S | FQDN_FLAGS.E))
  bench.restart()
  expect(bench.server.leased()[0]?.client.unlisted).toBeUndefined()
})

test('an overlong relay option is not echoed, so the reply keeps its size', () => {
  const [offer] = new Bench({ candidates: [candidate('if0', '192.0.2.1')] }).ask({ ...DISCOVER, relayAgent: new Uint8Array(400) }, { giaddr: at('192.0.2.9'), from: '192.0.2.9:67' })
  expect(offer?.message.options.relayAgent).toBeUndefined()
  expect(offer?.message.options.leaseSeconds).toBe(3600)
})

const requested = fc.record({
  parameterRequestList: fc.option(fc.uniqueArray(fc.constantFrom(1, 3, 6, 12, 15, 28, 42, 43, 51, 54, 58, 61, 66, 82, 114, 119, 121, 224), { minLength: 1 }), { nil: undefined }),
  clientIdentifier: fc.option(fc.uint8Array({ minLength: 2, maxLength: 64, size: 'max' }), { nil: undefined }), relayAgent: fc.option(fc.constant(Uint8Array.of(1, 2, 7, 7)), { nil: undefined }),
  leaseSeconds: fc.option(fc.constantFrom(60, 1000, 0xffffffff), { nil: undefined }), vendorClass: fc.constantFrom(undefined, 'MSFT 5.0', HAMLET_CLASS),
  maxMessageBytes: fc.constantFrom(undefined, 576, 1500), hostName: fc.constantFrom(undefined, 'kettle'),
})

test('a reply from a cached template equals, byte for byte, one built from scratch', () => {
  const bench = new Bench({ options: SET })
  let client = 0
  fc.assert(fc.property(fc.array(requested, { minLength: 1, maxLength: 3 }), kinds => {
    for (const options of [...kinds, ...kinds]) {
      bench.nowMs += OFFER_MS
      const header = { chaddr: mac(++client % 50), xid: client }
      const [offer] = bench.ask({ ...DISCOVER, ...options }, header)
      const [alone] = new Bench({ options: SET }).ask({ ...DISCOVER, ...options, requestedAddress: offer?.message.yiaddr }, header)
      expect(offer?.bytes).toEqual(alone?.bytes)
      expect(offer?.bytes).toEqual(offer && encodeMessage(offer.message, options.parameterRequestList, 548))
      expect(offer?.message).toMatchObject(header)
      expect([offer?.message.options.clientIdentifier, offer?.message.options.relayAgent]).toEqual([options.clientIdentifier, options.relayAgent])
    }
  }))
})
