import { expect, test } from 'vitest'
import { formatIpv4 } from '../../kit/ip-address.ts'
import { AT } from '../wire/header.ts'
import { encodeMessage, MESSAGE_TYPE } from '../wire/message.ts'
import { at, Bench, mac, TWO_INTERFACES } from '../testing/bench.ts'
import { parseOptionSettings } from './option-settings.ts'

/** Clients 9 and 10 have reservations: one outside the pool, one inside. */
const RESERVED = { reserve: ['02:00:5e:00:00:09=192.0.2.9=printer', '02:00:5e:00:00:0a=192.0.2.110'] }
const OLD = { chaddr: mac(9) }

test('a BOOTP client gets its reserved address with an infinite lease, and no DHCP-only options', () => {
  const bench = new Bench({ settings: RESERVED })
  const [reply] = bench.ask({}, OLD)
  expect(reply).toMatchObject({ type: 'BOOTP', from: '192.0.2.1:67', to: '255.255.255.255:68', message: { op: 2, yiaddr: at('192.0.2.9'), siaddr: at('192.0.2.1'), chaddr: mac(9), sname: '', file: '' } })
  expect(reply?.message.options).toEqual({ subnetMask: at('255.255.255.0'), dnsServers: [at('192.0.2.1')], hostName: 'printer', domainName: 'home', broadcastAddress: at('192.0.2.255') })
  expect(reply?.bytes.length).toBe(300)
  expect(bench.journal).toMatchObject([{ yiaddr: '192.0.2.9', state: 'leased', hostName: 'printer', expiresAtMs: Infinity }])
  bench.server.timeout(Number.MAX_SAFE_INTEGER)
  expect([bench.drain(), bench.server.deadlineMs(), bench.server.leased().map(({ yiaddr }) => formatIpv4(yiaddr))]).toEqual([[], Infinity, ['192.0.2.9']])
})

test('a request of 236 bytes, as klibc sends it, is answered with options', () => {
  const bench = new Bench({ settings: RESERVED })
  const request = encodeMessage({ op: 1, htype: 1, hops: 0, xid: 77, secs: 0, broadcast: false, ciaddr: 0, yiaddr: 0, siaddr: 0, giaddr: 0, chaddr: mac(9), sname: '', file: '', options: {} }).subarray(0, AT.magic)
  bench.server.receive(request, { local: { address: '0.0.0.0', port: 67 }, interfaceName: 'if0', peer: { address: '0.0.0.0', port: 68 } }, 0)
  expect(bench.drain()).toMatchObject([{ type: 'BOOTP', message: { yiaddr: at('192.0.2.9'), options: { subnetMask: at('255.255.255.0') } } }])
})

test('a BOOTP client without a reservation gets nothing, since it would never release an address, and that is reported', () => {
  const bench = new Bench({ settings: RESERVED })
  expect(bench.ask({})).toEqual([])
  expect([bench.whys(), bench.server.taken(), bench.journal]).toEqual([['it speaks only BOOTP and has no reservation'], [], []])
})

test('a message whose options are truncated before its type is not taken for BOOTP', () => {
  const bench = new Bench({ settings: RESERVED })
  bench.give({ hostName: 'x', messageType: MESSAGE_TYPE.DISCOVER }, OLD)
  expect(bench.drain()).toMatchObject([{ type: 'OFFER' }])
  const bytes = encodeMessage({ op: 1, htype: 1, hops: 0, xid: 77, secs: 0, broadcast: false, ciaddr: 0, yiaddr: 0, siaddr: 0, giaddr: 0, chaddr: mac(9), sname: '', file: '', options: { hostName: 'x' } })
  bytes[AT.options + 1] = 250
  bench.server.receive(bytes, { local: { address: '0.0.0.0', port: 67 }, interfaceName: 'if0', peer: { address: '0.0.0.0', port: 68 } }, 0)
  expect(bench.drain()).toEqual([])
})

test('boot file and boot server are in the header; the reply goes to the relay, or to the client\'s address if it has one', () => {
  const bench = new Bench({ settings: { reserve: [...RESERVED.reserve, '02:00:5e:00:00:0b=10.3.0.9'], subnet: ['10.3.0.1/24=10.3.0.100-10.3.0.199'] }, options: parseOptionSettings(['66=192.0.2.66', '67=boot/old']) })
  expect(bench.ask({}, OLD)[0]?.message).toMatchObject({ siaddr: at('192.0.2.66'), file: 'boot/old' })
  expect(bench.ask({ relayAgent: Uint8Array.of(1, 2, 9, 9) }, { chaddr: mac(11), giaddr: at('10.3.0.1'), from: '10.3.0.1:67', to: '192.0.2.1' }))
    .toMatchObject([{ type: 'BOOTP', to: '10.3.0.1:67', message: { yiaddr: at('10.3.0.9'), giaddr: at('10.3.0.1'), options: { routers: [at('10.3.0.1')], relayAgent: Uint8Array.of(1, 2, 9, 9) } } }])
  expect(bench.ask({}, { ...OLD, ciaddr: at('192.0.2.9'), from: '192.0.2.9:68' })).toMatchObject([{ to: '192.0.2.9:68', message: { ciaddr: at('192.0.2.9'), yiaddr: at('192.0.2.9') } }])
})

test('a machine that boots by BOOTP and continues with DHCP has one lease, with DHCP\'s lease time', () => {
  const bench = new Bench({ settings: RESERVED })
  bench.ask({}, OLD)
  expect(bench.obtain(9)).toBe('192.0.2.9')
  expect(bench.server.leased()).toMatchObject([{ yiaddr: at('192.0.2.9'), expiresAtMs: 3_600_000 }])
})

test('an infinite lease survives a restart and a clock change, and ends when the reservation is removed', () => {
  const bench = new Bench({ settings: RESERVED })
  bench.ask({}, OLD)
  bench.ask({}, { chaddr: mac(10) })
  bench.restart()
  bench.server.clockSet(-86_400_000)
  expect(bench.server.records().map(({ yiaddr, expiresAtMs }) => [yiaddr, expiresAtMs])).toEqual([['192.0.2.9', Infinity], ['192.0.2.110', Infinity]])
  const later = new Bench({ records: bench.server.records() })
  expect(later.server.leased()).toEqual([])
  expect(later.obtain(10)).toBe('192.0.2.110')
})

test('a reserved address still leased to another client is reported, and leased once that lease has ended', () => {
  const bench = new Bench({ settings: RESERVED, records: [{ yiaddr: '192.0.2.110', state: 'leased', key: '0102005e000001', mac: '02:00:5e:00:00:01', hostName: '', expiresAtMs: 5000 }] })
  expect(bench.ask({}, { chaddr: mac(10) })).toEqual([])
  expect(bench.whys()).toEqual(['its reserved address 192.0.2.110 is still leased to another client, or was declined'])
  bench.nowMs = 5000
  expect(bench.ask({}, { chaddr: mac(10) })).toMatchObject([{ type: 'BOOTP', message: { yiaddr: at('192.0.2.110') } }])
})

test('beside another DHCP server a BOOTP client without a lease gets nothing', () => {
  const bench = new Bench({ candidates: TWO_INTERFACES, settings: RESERVED })
  bench.ask({}, { ...OLD, on: 'if0' })
  bench.server.hamletOnly = true
  expect(bench.ask({}, { ...OLD, on: 'if0' })).toMatchObject([{ type: 'BOOTP' }])
  expect(bench.ask({}, { chaddr: mac(10), on: 'if0' })).toEqual([])
})
