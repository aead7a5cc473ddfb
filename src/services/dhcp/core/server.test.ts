import { expect, test } from 'vitest'
import { formatIpv4 } from '../../kit/ip-address.ts'
import { decodeHamletPorts, HAMLET_CLASS, PROBE_IDENTIFIER } from '../wire/hamlet-options.ts'
import { MESSAGE_TYPE } from '../wire/message.ts'
import type { Options } from '../wire/options.ts'
import type { LeaseRecord } from './binding.ts'
import { OFFER_MS } from './leases.ts'
import { at, Bench, candidate, mac, TWO_INTERFACES } from '../testing/bench.ts'

const DISCOVER: Options = { messageType: MESSAGE_TYPE.DISCOVER }

test('an ACK carries everything a client needs, and is sent only once the lease is in the journal', () => {
  const bench = new Bench({ dns: '192.0.2.53' })
  expect(bench.obtain(1)).toBe('192.0.2.100')
  const [ack] = bench.ask({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at('192.0.2.100'), serverIdentifier: at('192.0.2.1'), hostName: 'kettle', clientIdentifier: Uint8Array.of(1, ...mac(1)) })
  expect(ack?.message).toMatchObject({ op: 2, xid: 77, yiaddr: at('192.0.2.100'), chaddr: mac(1) })
  expect(ack?.message.options).toEqual({
    messageType: MESSAGE_TYPE.ACK, serverIdentifier: at('192.0.2.1'), leaseSeconds: 3600, renewalSeconds: 1800, rebindingSeconds: 3150,
    subnetMask: at('255.255.255.0'), broadcastAddress: at('192.0.2.255'), dnsServers: [at('192.0.2.53')], domainName: 'home', clientIdentifier: Uint8Array.of(1, ...mac(1)),
  })
  expect(bench.journal.at(-1)).toEqual({ yiaddr: '192.0.2.100', state: 'leased', key: '0102005e000001', mac: '02:00:5e:00:00:01', hostName: 'kettle', expiresAtMs: 3_600_000 })
  bench.give({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at('192.0.2.100'), serverIdentifier: at('192.0.2.1') })
  expect(bench.server.outbox.map(({ kind }) => kind)).toEqual(['persist'])
})

test('without a DNS setting clients get the server\'s own address as DNS server', () => {
  const [offer] = new Bench().ask(DISCOVER)
  expect(offer?.message.options.dnsServers).toEqual([at('192.0.2.1')])
})

test('only Hamlet clients get the ports of the DNS server', () => {
  const [plain] = new Bench().ask({ ...DISCOVER, vendorClass: 'MSFT 5.0', parameterRequestList: [43] })
  expect(plain?.message.options.vendorSpecific).toBeUndefined()
  const [hamlet] = new Bench().ask({ ...DISCOVER, vendorClass: HAMLET_CLASS })
  expect(hamlet?.message.options.vendorClass).toBe(HAMLET_CLASS)
  expect(decodeHamletPorts(hamlet?.message.options.vendorSpecific ?? new Uint8Array())).toEqual({ dnsPort: 5300, dnsAdminPort: 5354 })
})

test.each([
  { name: 'broadcast to a client without an address', port: 67, header: {}, to: '255.255.255.255:68' },
  { name: 'broadcast if the client asks for it', port: 67, header: { broadcast: true }, to: '255.255.255.255:68' },
  { name: 'broadcast even if the client still has its old address', port: 67, header: { from: '192.0.2.9:68' }, to: '255.255.255.255:68' },
  { name: 'to the relay', port: 67, header: { giaddr: at('192.0.2.8'), from: '192.0.2.8:67' }, to: '192.0.2.8:67' },
  { name: 'back to a client that does not use port 68', port: 67, header: { from: '192.0.2.9:40000' }, to: '192.0.2.9:40000' },
  { name: 'on another port, back to where it came from', port: 6767, header: { from: '192.0.2.9:68' }, to: '192.0.2.9:68' },
  { name: 'on another port, by broadcast to the port that a client without an address sent from', port: 6767, header: { from: '0.0.0.0:40000' }, to: '255.255.255.255:40000' },
])('an OFFER goes $name', ({ port, header, to }) => {
  expect(new Bench({ port }).ask(DISCOVER, header).map(sent => [sent.from, sent.to])).toEqual([[`192.0.2.1:${port}`, to]])
})

test('a broadcast of unknown origin gets an offer on every interface, and the REQUEST selects one', () => {
  const bench = new Bench({ candidates: TWO_INTERFACES })
  const offers = bench.ask(DISCOVER)
  expect(offers.map(({ from, message }) => [from, formatIpv4(message.yiaddr)])).toEqual([['192.0.2.1:67', '192.0.2.100'], ['198.51.100.1:67', '198.51.100.100']])
  const acks = bench.ask({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at('198.51.100.100'), serverIdentifier: at('198.51.100.1') })
  expect(acks.map(({ from, type }) => [from, type])).toEqual([['198.51.100.1:67', 'ACK']])
  expect(bench.server.taken().map(({ yiaddr, state }) => [formatIpv4(yiaddr), state])).toEqual([['198.51.100.100', 'leased']])
})

test('the interface is known from the address of the sender or of the socket', () => {
  const bench = new Bench({ candidates: TWO_INTERFACES })
  expect(bench.ask(DISCOVER, { from: '198.51.100.77:68' }).map(({ from }) => from)).toEqual(['198.51.100.1:67'])
  expect(bench.ask(DISCOVER, { from: '127.0.0.1:40000', to: '127.0.0.1', chaddr: mac(2) }).map(({ message }) => formatIpv4(message.yiaddr))).toEqual(['127.0.1.100'])
})

test('a relay of a network that is not served gets no reply', () => {
  const bench = new Bench()
  expect(bench.ask(DISCOVER, { giaddr: at('203.0.113.1') })).toEqual([])
  expect(bench.whys()).toHaveLength(1)
})

test('an exhausted pool offers nothing, and reports why', () => {
  const bench = new Bench({ pool: '192.0.2.10-192.0.2.11' })
  expect([bench.obtain(1), bench.obtain(2), bench.obtain(3)]).toEqual(['192.0.2.10', '192.0.2.11', undefined])
  expect(bench.whys()).toEqual(['no address is free on if0 (pool of 2)'])
})

test('exhaustion is reported while it lasts, but not for a pool of reservations only', () => {
  const bench = new Bench({ pool: '192.0.2.10-192.0.2.11', settings: { reserve: ['02:00:5e:00:00:09=192.0.2.10'] } })
  expect(bench.server.exhaustion()).toBeUndefined()
  bench.obtain(1)
  expect(bench.server.exhaustion()).toBe('no address is left for new clients on if0 (pool of 1)')
  bench.server.timeout(3_600_000)
  expect(bench.server.exhaustion()).toBeUndefined()
  expect(new Bench({ pool: '192.0.2.10-192.0.2.10', settings: { reserve: ['02:00:5e:00:00:09=192.0.2.10'] } }).server.exhaustion()).toBeUndefined()
})

test('an offer is withdrawn when the client chooses another server', () => {
  const bench = new Bench()
  bench.ask(DISCOVER)
  expect(bench.ask({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at('192.0.2.200'), serverIdentifier: at('192.0.2.254') })).toEqual([])
  expect(bench.server.taken()).toEqual([])
})

test('a REQUEST for an address offered to another client gets a NAK, by broadcast and with the reason', () => {
  const bench = new Bench()
  bench.ask(DISCOVER)
  const [nak] = bench.ask({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at('192.0.2.100'), serverIdentifier: at('192.0.2.1') }, { chaddr: mac(2) })
  expect(nak).toMatchObject({ type: 'NAK', to: '255.255.255.255:68', message: { yiaddr: 0, options: { message: '192.0.2.100 is not offered to this client' } } })
})

test('an offer expires', () => {
  const bench = new Bench()
  bench.ask(DISCOVER)
  expect(bench.server.deadlineMs()).toBe(OFFER_MS)
  bench.server.timeout(OFFER_MS)
  expect(bench.server.taken()).toEqual([])
  expect(bench.server.deadlineMs()).toBe(Infinity)
})

const reboot = (address: string): Options => ({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at(address) })

test('in INIT-REBOOT a client gets an ACK for its own address, a NAK for another\'s, and silence for one this server does not know', () => {
  const bench = new Bench()
  bench.obtain(1)
  bench.obtain(2)
  expect(bench.ask(reboot('192.0.2.100')).map(({ type }) => type)).toEqual(['ACK'])
  expect(bench.ask(reboot('192.0.2.101')).map(({ type }) => type)).toEqual(['NAK'])
  expect(bench.ask(reboot('192.0.2.150'), { chaddr: mac(9) })).toEqual([])
  expect(bench.ask(reboot('203.0.113.7'), { chaddr: mac(9) }).map(({ type }) => type)).toEqual(['NAK'])
})

test('a lease is extended by unicast and by broadcast, counting from then on', () => {
  const bench = new Bench()
  bench.obtain(1)
  bench.nowMs = 1_800_000
  const renewing = bench.ask({ messageType: MESSAGE_TYPE.REQUEST }, { ciaddr: at('192.0.2.100'), from: '192.0.2.100:68', to: '192.0.2.1' })
  expect(renewing).toMatchObject([{ type: 'ACK', to: '192.0.2.100:68', message: { ciaddr: at('192.0.2.100') } }])
  bench.nowMs = 3_700_000
  expect(bench.ask({ messageType: MESSAGE_TYPE.REQUEST }, { ciaddr: at('192.0.2.100'), from: '192.0.2.100:68' })).toMatchObject([{ type: 'ACK' }])
  expect(bench.server.deadlineMs()).toBe(3_700_000 + 3_600_000)
})

test('renewing a lease the client does not have gets a NAK by unicast, and silence by broadcast', () => {
  const bench = new Bench()
  const header = { ciaddr: at('192.0.2.100'), from: '192.0.2.100:68' }
  expect(bench.ask({ messageType: MESSAGE_TYPE.REQUEST }, { ...header, to: '192.0.2.1' })).toMatchObject([{ type: 'NAK', to: '255.255.255.255:68' }])
  expect(bench.ask({ messageType: MESSAGE_TYPE.REQUEST }, header)).toEqual([])
})

test('a relay is asked to broadcast a NAK', () => {
  const bench = new Bench()
  const refused = { messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at('192.0.2.1'), serverIdentifier: at('192.0.2.1') }
  expect(bench.ask(refused, { giaddr: at('192.0.2.8'), from: '192.0.2.8:67' })).toMatchObject([{ type: 'NAK', to: '192.0.2.8:67', message: { broadcast: true, giaddr: at('192.0.2.8') } }])
})

test('options come in the order the client requested', () => {
  const [offer] = new Bench().ask({ ...DISCOVER, parameterRequestList: [28, 6, 1] })
  const options = Array.from(offer?.bytes.subarray(240) ?? [])
  const codes: number[] = []
  for (let index = 0; (options[index] ?? 255) !== 255; index += 2 + (options[index + 1] ?? 0)) codes.push(options[index] ?? 0)
  expect(codes.slice(0, 6)).toEqual([53, 54, 51, 28, 6, 1])
})

test('a released address is free, and its former client is remembered across a restart', () => {
  const bench = new Bench({ pool: '192.0.2.10-192.0.2.19' })
  bench.obtain(1)
  bench.obtain(2)
  expect(bench.ask({ messageType: MESSAGE_TYPE.RELEASE, serverIdentifier: at('192.0.2.1') }, { chaddr: mac(2), ciaddr: at('192.0.2.11') })).toEqual([])
  expect(bench.events.at(-1)).toMatchObject({ kind: 'released', binding: { yiaddr: at('192.0.2.11') } })
  bench.restart()
  expect(bench.obtain(3)).toBe('192.0.2.12')
  expect(bench.obtain(2)).toBe('192.0.2.11')
})

test('a RELEASE without a server identifier counts, one for another server does not', () => {
  const bench = new Bench()
  bench.obtain(1)
  bench.ask({ messageType: MESSAGE_TYPE.RELEASE, serverIdentifier: at('203.0.113.1') }, { ciaddr: at('192.0.2.100') })
  expect(bench.server.taken()).toHaveLength(1)
  bench.ask({ messageType: MESSAGE_TYPE.RELEASE }, { ciaddr: at('192.0.2.100') })
  expect(bench.server.taken()).toEqual([])
})

test('no client can release or decline the address of another', () => {
  const bench = new Bench()
  bench.obtain(1)
  bench.ask({ messageType: MESSAGE_TYPE.RELEASE, serverIdentifier: at('192.0.2.1') }, { chaddr: mac(2), ciaddr: at('192.0.2.100') })
  bench.ask({ messageType: MESSAGE_TYPE.DECLINE, serverIdentifier: at('192.0.2.1'), requestedAddress: at('192.0.2.100') }, { chaddr: mac(2) })
  expect(bench.server.taken()).toMatchObject([{ state: 'leased' }])
})

test('a declined address stays out of use across a restart', () => {
  const bench = new Bench({ pool: '192.0.2.10-192.0.2.10' })
  bench.obtain(1)
  bench.ask({ messageType: MESSAGE_TYPE.DECLINE, serverIdentifier: at('192.0.2.1'), requestedAddress: at('192.0.2.10') })
  bench.restart()
  expect(bench.obtain(1)).toBeUndefined()
  expect(bench.events).toContainEqual(expect.objectContaining({ kind: 'declined' }))
})

test('the ACK to an INFORM carries the parameters, and no address', () => {
  const bench = new Bench()
  const [ack] = bench.ask({ messageType: MESSAGE_TYPE.INFORM }, { ciaddr: at('192.0.2.50'), from: '192.0.2.50:68' })
  expect(ack).toMatchObject({ type: 'ACK', to: '192.0.2.50:68', message: { yiaddr: 0 } })
  expect(ack?.message.options.leaseSeconds).toBeUndefined()
  expect(bench.journal).toEqual([])
})

test('a probe gets an offer that holds no address', () => {
  const bench = new Bench()
  expect(bench.ask({ ...DISCOVER, clientIdentifier: PROBE_IDENTIFIER })).toMatchObject([{ type: 'OFFER', message: { yiaddr: at('192.0.2.100') } }])
  expect(bench.server.taken()).toEqual([])
  expect(bench.events).toEqual([])
})

test('with hamletOnly it answers Hamlet\'s clients, clients with a lease, and probes, but no other client', () => {
  const bench = new Bench()
  bench.obtain(1)
  bench.server.hamletOnly = true
  const other = { chaddr: mac(2) }
  expect(bench.ask(DISCOVER, other)).toEqual([])
  expect(bench.ask({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at('192.0.2.101'), serverIdentifier: at('192.0.2.1') }, other)).toEqual([])
  expect(bench.ask({ messageType: MESSAGE_TYPE.INFORM }, { ...other, ciaddr: at('192.0.2.50') })).toEqual([])
  expect(bench.whys()).toEqual(['another DHCP server is on the network, so only Hamlet\'s own clients are served'])
  expect(bench.ask({ ...DISCOVER, vendorClass: HAMLET_CLASS }, { chaddr: mac(3) })).toMatchObject([{ type: 'OFFER' }])
  expect(bench.ask({ messageType: MESSAGE_TYPE.REQUEST }, { ciaddr: at('192.0.2.100'), from: '192.0.2.100:68', to: '192.0.2.1' })).toMatchObject([{ type: 'ACK' }])
  expect(bench.ask({ ...DISCOVER, clientIdentifier: PROBE_IDENTIFIER })).toMatchObject([{ type: 'OFFER' }])
})

test('it does not answer its own search for other servers', () => {
  const bench = new Bench()
  bench.server.ignore(77)
  expect(bench.ask({ ...DISCOVER, clientIdentifier: PROBE_IDENTIFIER })).toEqual([])
  expect(bench.ask(DISCOVER, { xid: 78 })).toMatchObject([{ type: 'OFFER' }])
})

test('a lease can be released by command, once', () => {
  const bench = new Bench()
  bench.obtain(1)
  expect([bench.server.release(at('192.0.2.100')), bench.server.release(at('192.0.2.100')), bench.server.release(at('203.0.113.1'))]).toEqual([true, false, false])
  bench.drain()
  expect(bench.journal.at(-1)).toMatchObject({ yiaddr: '192.0.2.100', state: 'released' })
})

test.each([{ name: 'forward', byMs: 86_400_000 }, { name: 'back', byMs: -86_400_000 }])('setting the clock $name ends no lease early or late', ({ byMs }) => {
  const bench = new Bench({ pool: '192.0.2.10-192.0.2.10' })
  bench.nowMs = 100_000_000
  bench.obtain(1)
  bench.nowMs += byMs
  bench.server.clockSet(byMs)
  bench.nowMs += 3_599_999
  expect(bench.obtain(2)).toBeUndefined()
  bench.nowMs += 1
  expect(bench.obtain(2)).toBe('192.0.2.10')
})

test('a shorter lease is granted on request, a longer one is not', () => {
  const bench = new Bench()
  const granted = (leaseSeconds: number) => bench.ask({ ...DISCOVER, leaseSeconds })[0]?.message.options.leaseSeconds
  expect([granted(600), granted(1), granted(0xffffffff)]).toEqual([600, 60, 3600])
})

const ELSEWHERE: LeaseRecord = { yiaddr: '203.0.113.100', state: 'leased', key: '0102005e000001', mac: '02:00:5e:00:00:01', hostName: 'kettle', expiresAtMs: 5000 }

test('a restart keeps every lease, and one of a network not served until it expires', () => {
  const bench = new Bench({ records: [ELSEWHERE] })
  const address = bench.obtain(2)
  bench.restart()
  expect(bench.obtain(2)).toBe(address)
  expect(bench.server.leased().map(({ yiaddr }) => formatIpv4(yiaddr))).toEqual(['203.0.113.100', address])
  expect(bench.server.deadlineMs()).toBe(5000)
  bench.server.timeout(5000)
  bench.drain()
  expect(bench.events.at(-1)).toMatchObject({ kind: 'expired', binding: { yiaddr: at('203.0.113.100'), client: { hostName: 'kettle' } } })
  expect(bench.server.leased().map(({ yiaddr }) => formatIpv4(yiaddr))).toEqual([address])
})

test('of the leases of a client that moved between networks the most recent is listed last, also after a restart', () => {
  const bench = new Bench({ candidates: TWO_INTERFACES })
  const obtainOn = (on: string, server: string, address: string) => {
    bench.ask(DISCOVER, { on })
    bench.ask({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at(address), serverIdentifier: at(server) }, { on })
    bench.nowMs += 1000
  }
  obtainOn('if1', '198.51.100.1', '198.51.100.100')
  obtainOn('if0', '192.0.2.1', '192.0.2.100')
  for (const restarts of [() => undefined, () => bench.restart()]) {
    restarts()
    expect(bench.server.leased().map(({ yiaddr }) => formatIpv4(yiaddr))).toEqual(['198.51.100.100', '192.0.2.100'])
  }
})

test.each(['leased', 'released'] as const)('a client whose lease was %s gets its address again when its network is served again, however late', state => {
  const away = new Bench({ records: [{ ...ELSEWHERE, state }, { ...ELSEWHERE, yiaddr: '203.0.113.101', state: 'declined', key: '', mac: '' }] })
  away.server.timeout(6000)
  const back = new Bench({ candidates: [candidate('if0', '203.0.113.1')], records: away.server.records() })
  expect(back.server.taken()).toEqual([])
  expect([back.obtain(9), back.obtain(1)]).toEqual(['203.0.113.101', '203.0.113.100'])
})

test('setting the clock shifts the leases of networks not served too', () => {
  const bench = new Bench({ records: [ELSEWHERE] })
  bench.server.clockSet(86_400_000)
  expect([bench.server.deadlineMs(), bench.server.records()[0]?.expiresAtMs]).toEqual([86_405_000, 86_405_000])
})

test('bytes that are not DHCP are reported as refused, and so is a client without an identifier', () => {
  const bench = new Bench()
  bench.server.receive(Uint8Array.of(1, 2, 3), { local: { address: '0.0.0.0', port: 67 }, interfaceName: '', peer: { address: '192.0.2.66', port: 1 } }, 0)
  expect(bench.drain()).toEqual([])
  expect(bench.ask(DISCOVER, { chaddr: new Uint8Array() })).toEqual([])
  expect(bench.events).toMatchObject([{ kind: 'refused', client: '192.0.2.66' }, { kind: 'refused' }])
})

test('a host name is truncated and made printable', () => {
  const bench = new Bench()
  bench.ask({ ...DISCOVER, hostName: `\u001b[31m${'x'.repeat(100)}` })
  expect(bench.server.taken()[0]?.client.hostName).toBe(`?[31m${'x'.repeat(58)}`)
})

test('a client identifier may be as long as one option, and is echoed whole', () => {
  const identified = (bytes: number) => new Bench().ask({ ...DISCOVER, clientIdentifier: new Uint8Array(bytes).fill(7) })
  expect(identified(255)).toMatchObject([{ type: 'OFFER', message: { options: { clientIdentifier: new Uint8Array(255).fill(7), leaseSeconds: 3600, subnetMask: at('255.255.255.0') } } }])
  expect(identified(256)).toEqual([])
  expect(new Bench({ settings: { reserve: [`id:${'07'.repeat(255)}=192.0.2.10`] } }).ask({ ...DISCOVER, clientIdentifier: new Uint8Array(255).fill(7) })).toMatchObject([{ message: { yiaddr: at('192.0.2.10') } }])
})
