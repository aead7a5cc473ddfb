import { expect, test } from 'vitest'
import { formatIpv4 } from '../../kit/ip-address.ts'
import { MESSAGE_TYPE } from '../wire/message.ts'
import type { Options } from '../wire/options.ts'
import { DECLINE_MS } from './leases.ts'
import { PROBE_MS_MAX, PROBES_MAX } from './probes.ts'
import { at, Bench, mac, TWO_INTERFACES } from '../testing/bench.ts'

const DISCOVER: Options = { messageType: MESSAGE_TYPE.DISCOVER }
const SERVER = at('192.0.2.1')
const request = (address: string): Options => ({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: at(address), serverIdentifier: SERVER })
const renewal = { messageType: MESSAGE_TYPE.REQUEST }
const offered = (sent: ReturnType<Bench['ask']>) => sent.map(({ type, message }) => `${type} ${formatIpv4(message.yiaddr)}`)
const probes = (bench: Bench) => bench.events.flatMap(event => event.kind === 'probe' ? [formatIpv4(event.yiaddr)] : [])

test('a reserved address, inside the pool or outside, is leased to its client only', () => {
  const bench = new Bench({ pool: '192.0.2.10-192.0.2.12', settings: { reserve: ['02:00:5e:00:00:01=192.0.2.10=kettle', '02:00:5e:00:00:02=192.0.2.200'] } })
  expect([bench.obtain(3), bench.obtain(4), bench.obtain(5)]).toEqual(['192.0.2.11', '192.0.2.12', undefined])
  expect(offered(bench.ask(request('192.0.2.10'), { chaddr: mac(5) }))).toEqual(['NAK 0.0.0.0'])
  expect([bench.obtain(1), bench.obtain(2)]).toEqual(['192.0.2.10', '192.0.2.200'])
  bench.restart()
  expect(bench.server.taken().map(({ yiaddr }) => formatIpv4(yiaddr)).sort()).toEqual(['192.0.2.10', '192.0.2.11', '192.0.2.12', '192.0.2.200'])
})

test('a reservation by hardware address applies whatever client identifier is sent; one by identifier takes precedence', () => {
  const bench = new Bench({ settings: { reserve: ['02:00:5e:00:00:01=192.0.2.10', 'id:ff00=192.0.2.11'] } })
  expect(offered(bench.ask({ ...DISCOVER, clientIdentifier: Uint8Array.of(9, 9) }))).toEqual(['OFFER 192.0.2.10'])
  expect(offered(bench.ask({ ...DISCOVER, clientIdentifier: Uint8Array.of(8, 8) }))).toEqual(['OFFER 192.0.2.10'])
  expect(offered(bench.ask({ ...DISCOVER, clientIdentifier: Uint8Array.of(0xff, 0) }))).toEqual(['OFFER 192.0.2.11'])
})

test('a client with a reservation gets its reserved name, which is recorded', () => {
  const bench = new Bench({ settings: { reserve: ['02:00:5e:00:00:01=192.0.2.10=kettle'] } })
  const [ack] = bench.ask({ ...request('192.0.2.10'), hostName: 'other', parameterRequestList: [12] })
  expect(ack?.message.options.hostName).toBe('kettle')
  expect(bench.journal.at(-1)).toMatchObject({ yiaddr: '192.0.2.10', hostName: 'kettle' })
})

test('a client with a new reservation moves to it when it renews, which frees its old address', () => {
  const before = new Bench()
  before.obtain(1)
  const bench = new Bench({ records: before.journal, settings: { reserve: ['02:00:5e:00:00:01=192.0.2.10'] } })
  expect(bench.ask(renewal, { ciaddr: at('192.0.2.100'), from: '192.0.2.100:68', to: '192.0.2.1' })).toMatchObject([{ type: 'NAK' }])
  expect(bench.obtain(1)).toBe('192.0.2.10')
  expect(bench.server.taken().map(({ yiaddr }) => formatIpv4(yiaddr))).toEqual(['192.0.2.10'])
  expect(bench.events).toContainEqual(expect.objectContaining({ kind: 'released', binding: expect.objectContaining({ yiaddr: at('192.0.2.100') }) }))
  bench.restart()
  expect(bench.server.taken().map(({ yiaddr }) => formatIpv4(yiaddr))).toEqual(['192.0.2.10'])
})

test('a client on an address now reserved for another keeps it until its lease ends; meanwhile the other gets one from the pool', () => {
  const before = new Bench()
  before.obtain(1)
  const bench = new Bench({ records: before.journal, settings: { reserve: ['02:00:5e:00:00:02=192.0.2.100'] } })
  expect(bench.obtain(2)).toBe('192.0.2.101')
  expect(bench.ask(renewal, { ciaddr: at('192.0.2.100'), from: '192.0.2.100:68', to: '192.0.2.1' })).toMatchObject([{ type: 'NAK' }])
  bench.nowMs = 3_600_000
  expect(bench.obtain(2)).toBe('192.0.2.100')
})

test('an excluded address is not leased', () => {
  const bench = new Bench({ pool: '192.0.2.10-192.0.2.14', settings: { exclude: ['192.0.2.10', '192.0.2.12-192.0.2.13'] } })
  expect([bench.obtain(1), bench.obtain(2), bench.obtain(3)]).toEqual(['192.0.2.11', '192.0.2.14', undefined])
})

test('a new address is offered only after a probe found it vacant', () => {
  const bench = new Bench({ probe: true })
  expect(bench.ask(DISCOVER)).toEqual([])
  expect(probes(bench)).toEqual(['192.0.2.100'])
  bench.server.probed(at('192.0.2.100'), undefined, 400)
  expect(offered(bench.drain())).toEqual(['OFFER 192.0.2.100'])
})

test('while one client waits for a probe, others are served with other addresses', () => {
  const records = new Bench()
  records.obtain(2)
  const bench = new Bench({ probe: true, records: records.journal })
  bench.ask(DISCOVER, { chaddr: mac(1) })
  expect(offered(bench.ask(DISCOVER, { chaddr: mac(2) }))).toEqual(['OFFER 192.0.2.100'])
  bench.ask(DISCOVER, { chaddr: mac(3) })
  expect(probes(bench)).toEqual(['192.0.2.101', '192.0.2.102'])
})

test('a client that asks again during a probe gets one reply, to its last message', () => {
  const bench = new Bench({ probe: true })
  bench.ask(DISCOVER, { xid: 1 })
  bench.ask(DISCOVER, { xid: 2 })
  bench.server.probed(at('192.0.2.100'), undefined, 400)
  expect(bench.drain().map(({ message }) => message.xid)).toEqual([2])
  expect(probes(bench)).toHaveLength(1)
})

test('an address found in use is declined, and the next one is tried', () => {
  const bench = new Bench({ probe: true })
  bench.ask(DISCOVER)
  bench.server.probed(at('192.0.2.100'), { holder: '02:00:5e:00:00:99', isStale: false }, 100)
  bench.drain()
  expect(bench.journal).toMatchObject([{ yiaddr: '192.0.2.100', state: 'declined', expiresAtMs: 100 + DECLINE_MS }])
  expect(bench.whys()).toEqual(['192.0.2.100 is in use by 02:00:5e:00:00:99; it is not offered for an hour'])
  bench.server.probed(at('192.0.2.101'), undefined, 500)
  expect(offered(bench.drain())).toEqual(['OFFER 192.0.2.101'])
})

test('an address with a stale ARP entry is passed over without being declined, and probed again in its turn', () => {
  const bench = new Bench({ probe: true, pool: '192.0.2.100-192.0.2.101' })
  const stale = { holder: '02:00:5e:00:00:99', isStale: true }
  bench.ask(DISCOVER)
  bench.server.probed(at('192.0.2.100'), stale, 500)
  expect([offered(bench.drain()), bench.journal, bench.whys()]).toEqual([[], [], []])
  bench.server.probed(at('192.0.2.101'), undefined, 1000)
  expect(offered(bench.drain())).toEqual(['OFFER 192.0.2.101'])
  bench.ask(DISCOVER, { chaddr: mac(2) })
  expect(probes(bench)).toEqual(['192.0.2.100', '192.0.2.101', '192.0.2.100'])
  bench.server.probed(at('192.0.2.100'), undefined, 1500)
  expect(offered(bench.drain())).toEqual(['OFFER 192.0.2.100'])
})

test('a client whose own stale ARP entry is found gets the address', () => {
  const bench = new Bench({ probe: true })
  bench.ask(DISCOVER)
  bench.server.probed(at('192.0.2.100'), { holder: '02:00:5e:00:00:01', isStale: true }, 500)
  expect(offered(bench.drain())).toEqual(['OFFER 192.0.2.100'])
})

test('a client that itself uses the address gets it', () => {
  const bench = new Bench({ probe: true })
  bench.ask(DISCOVER)
  bench.server.probed(at('192.0.2.100'), { holder: '02:00:5e:00:00:01', isStale: false }, 100)
  expect(offered(bench.drain())).toEqual(['OFFER 192.0.2.100'])
})

test('an address whose probe has no result after a second counts as vacant', () => {
  const bench = new Bench({ probe: true })
  bench.ask(DISCOVER)
  expect(bench.server.deadlineMs()).toBe(PROBE_MS_MAX)
  bench.server.timeout(PROBE_MS_MAX)
  expect(offered(bench.drain())).toEqual(['OFFER 192.0.2.100'])
  bench.server.probed(at('192.0.2.100'), { holder: 'too late', isStale: false }, PROBE_MS_MAX + 1)
  expect(bench.drain()).toEqual([])
})

test('no probe for an address the client had, a reservation, on loopback, behind a relay, or in a flood', () => {
  const bench = new Bench({ candidates: TWO_INTERFACES, probe: true, settings: { reserve: ['02:00:5e:00:00:02=192.0.2.10'], subnet: ['10.3.0.1/24=10.3.0.100-10.3.0.199'] } })
  expect(offered(bench.ask(DISCOVER, { chaddr: mac(4), giaddr: at('10.3.0.1'), from: '192.0.2.9:67', to: '192.0.2.1' }))).toEqual(['OFFER 10.3.0.100'])
  expect(offered(bench.ask(DISCOVER, { chaddr: mac(2), from: '192.0.2.9:68' }))).toEqual(['OFFER 192.0.2.10'])
  expect(offered(bench.ask(DISCOVER, { chaddr: mac(3), from: '127.0.0.1:68', to: '127.0.0.1' }))).toEqual(['OFFER 127.0.1.100'])
  const sent = Array.from({ length: PROBES_MAX + 3 }, (_, index) => bench.ask(DISCOVER, { chaddr: mac(100 + index), from: '192.0.2.9:68' })).flat()
  expect(sent).toHaveLength(3)
  expect(probes(bench)).toHaveLength(PROBES_MAX)
})

test('with Rapid Commit a client that asks for it gets an ACK once the journal has the lease; others get an OFFER', () => {
  const bench = new Bench({ rapidCommit: true })
  const [ack] = bench.ask({ ...DISCOVER, rapidCommit: true })
  expect(ack).toMatchObject({ type: 'ACK', message: { yiaddr: at('192.0.2.100'), options: { rapidCommit: true, leaseSeconds: 3600 } } })
  expect(bench.journal).toMatchObject([{ yiaddr: '192.0.2.100', state: 'leased' }])
  expect(bench.ask(DISCOVER, { chaddr: mac(2) })).toMatchObject([{ type: 'OFFER' }])
  expect(new Bench().ask({ ...DISCOVER, rapidCommit: true })).toMatchObject([{ type: 'OFFER', message: { options: { messageType: MESSAGE_TYPE.OFFER } } }])
})

test('Rapid Commit does not apply if the client\'s network is unknown', () => {
  const bench = new Bench({ candidates: TWO_INTERFACES, rapidCommit: true })
  expect(bench.ask({ ...DISCOVER, rapidCommit: true }).map(({ type }) => type)).toEqual(['OFFER', 'OFFER'])
  expect(bench.ask({ ...DISCOVER, rapidCommit: true }, { on: 'if1' })).toMatchObject([{ type: 'ACK', from: '198.51.100.1:67' }])
})
