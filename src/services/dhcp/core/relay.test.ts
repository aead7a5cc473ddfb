import { expect, test } from 'vitest'
import { formatIpv4 } from '../../kit/ip-address.ts'
import { MESSAGE_TYPE } from '../wire/message.ts'
import type { Options } from '../wire/options.ts'
import { at, Bench, mac, TWO_INTERFACES } from '../testing/bench.ts'

const DISCOVER: Options = { messageType: MESSAGE_TYPE.DISCOVER }
const SUBNET = '10.3.0.1/24=10.3.0.100-10.3.0.199'
const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], pair => parseInt(pair, 16))
const viaRelay = { giaddr: at('10.3.0.1'), from: '192.0.2.9:67', to: '192.0.2.1' }
const relayed = () => new Bench({ candidates: TWO_INTERFACES, settings: { subnet: [SUBNET] } })

test('a client behind a relay gets an address and the router of its own network, through the relay', () => {
  const bench = relayed()
  const [offer] = bench.ask(DISCOVER, viaRelay)
  expect(offer).toMatchObject({ from: '192.0.2.1:67', to: '10.3.0.1:67', message: { yiaddr: at('10.3.0.100'), giaddr: at('10.3.0.1'), options: { routers: [at('10.3.0.1')], serverIdentifier: at('192.0.2.1'), dnsServers: [at('192.0.2.1')] } } })
  const [ack] = bench.ask({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at('10.3.0.100'), serverIdentifier: at('192.0.2.1') }, viaRelay)
  expect(ack).toMatchObject({ type: 'ACK', to: '10.3.0.1:67' })
})

test('it renews by unicast, bypassing the relay, rebinds through it, and releases', () => {
  const bench = relayed()
  bench.ask({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at('10.3.0.100'), serverIdentifier: at('192.0.2.1') }, viaRelay)
  const has = { ciaddr: at('10.3.0.100'), from: '10.3.0.100:68', to: '192.0.2.1' }
  expect(bench.ask({ messageType: MESSAGE_TYPE.REQUEST }, has)).toMatchObject([{ type: 'ACK', from: '192.0.2.1:67', to: '10.3.0.100:68' }])
  expect(bench.ask({ messageType: MESSAGE_TYPE.REQUEST }, { ...viaRelay, ciaddr: at('10.3.0.100') })).toMatchObject([{ type: 'ACK', to: '10.3.0.1:67' }])
  bench.ask({ messageType: MESSAGE_TYPE.RELEASE, serverIdentifier: at('192.0.2.1') }, has)
  expect(bench.server.taken()).toEqual([])
})

test('an INFORM is answered directly and through the relay', () => {
  const bench = relayed()
  const inform = (header: object) => bench.ask({ messageType: MESSAGE_TYPE.INFORM }, { ciaddr: at('10.3.0.50'), ...header })
  const ack = { type: 'ACK', message: { yiaddr: 0, options: { routers: [at('10.3.0.1')], serverIdentifier: at('192.0.2.1') } } }
  for (const on of ['', 'if0']) expect(inform({ from: '10.3.0.50:68', to: '192.0.2.1', on })).toMatchObject([{ ...ack, to: '10.3.0.50:68' }])
  expect(inform(viaRelay)).toMatchObject([{ ...ack, to: '10.3.0.1:67' }])
})

test('the relay\'s option is echoed unchanged, as the last option', () => {
  const relayAgent = bytesOf('0104aabbccdd02020001')
  const [offer] = relayed().ask({ ...DISCOVER, relayAgent }, viaRelay)
  expect(offer?.message.options.relayAgent).toEqual(relayAgent)
  const text = Buffer.from(offer?.bytes ?? []).toString('hex').replace(/(00)+$/, '')
  expect(text).toMatch(/520a0104aabbccdd02020001ff$/)
})

test('Link Selection takes precedence over giaddr for the network, while the reply goes to giaddr', () => {
  const relayAgent = bytesOf('05040a030000')
  const [offer] = relayed().ask({ ...DISCOVER, relayAgent }, { ...viaRelay, giaddr: at('192.0.2.9') })
  expect(offer).toMatchObject({ to: '192.0.2.9:67', message: { yiaddr: at('10.3.0.100') } })
})

test('with Server Identifier Override the client knows the server by the relay\'s address', () => {
  const bench = relayed()
  const relayAgent = bytesOf('0b040a030001')
  const [offer] = bench.ask({ ...DISCOVER, relayAgent }, viaRelay)
  expect(offer?.message.options.serverIdentifier).toBe(at('10.3.0.1'))
  const selecting: Options = { messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at('10.3.0.100'), serverIdentifier: at('10.3.0.1'), relayAgent }
  expect(bench.ask(selecting, viaRelay)).toMatchObject([{ type: 'ACK' }])
})

test('a client that moved to another network gets a NAK through the relay', () => {
  const bench = relayed()
  expect(bench.ask({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at('192.0.2.100') }, viaRelay)).toMatchObject([{ type: 'NAK', to: '10.3.0.1:67', message: { broadcast: true } }])
})

test('behind a relay too, a REQUEST for another server withdraws the offer', () => {
  const bench = relayed()
  bench.ask(DISCOVER, viaRelay)
  expect(bench.ask({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at('10.3.0.7'), serverIdentifier: at('203.0.113.1') }, viaRelay)).toEqual([])
  expect(bench.server.taken()).toEqual([])
})

test('a network behind a relay is served only through the relay', () => {
  const bench = relayed()
  expect(bench.ask(DISCOVER, { chaddr: mac(7) }).map(({ message }) => formatIpv4(message.yiaddr))).toEqual(['192.0.2.100', '198.51.100.100'])
  expect(bench.ask(DISCOVER, { chaddr: mac(7), giaddr: at('10.4.0.1') })).toEqual([])
})

test('an interface reported by the system selects the network, whatever the socket', () => {
  const bench = relayed()
  expect(bench.ask(DISCOVER, { on: 'if1' }).map(({ from }) => from)).toEqual(['198.51.100.1:67'])
  expect(bench.ask(DISCOVER, { on: 'if9' })).toEqual([])
  expect(bench.ask(DISCOVER, { on: 'if1', from: '192.0.2.9:68' }).map(({ from }) => from)).toEqual(['198.51.100.1:67'])
})
