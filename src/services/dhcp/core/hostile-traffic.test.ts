import { expect, test } from 'vitest'
import { formatIpv4 } from '../../kit/ip-address.ts'
import { below, seededRandom, type Random } from '../../kit/random.ts'
import { AT } from '../wire/header.ts'
import { encodeMessage, MESSAGE_TYPE, type Message } from '../wire/message.ts'
import type { Options } from '../wire/options.ts'
import { OFFER_KEPT_MS } from './leases.ts'
import { at, Bench, mac, TWO_INTERFACES } from '../testing/bench.ts'

const DISCOVER: Options = { messageType: MESSAGE_TYPE.DISCOVER }

test('100,000 damaged messages do not crash the server, move a lease, or draw more than two replies each', () => {
  const random = seededRandom(20261128)
  const bench = new Bench({ candidates: TWO_INTERFACES, probe: true, rapidCommit: true, settings: { subnet: ['10.3.0.1/24=10.3.0.100-10.3.0.199'], reserve: ['02:00:5e:00:00:63=192.0.2.50'] } })
  const leased = new Map(Array.from({ length: 5 }, (_, index) => [obtainOn(bench, 'if0', 50 + index), 50 + index]))
  let replies = 0
  for (let round = 0; round < 100_000; round++) {
    bench.nowMs = round
    const to = below(random, 2) === 0 ? '0.0.0.0' : '192.0.2.1'
    bench.server.receive(damaged(random), { local: { address: to, port: 67 }, interfaceName: '', peer: { address: '0.0.0.0', port: 68 } }, bench.nowMs)
    replies += bench.drain().length
    bench.events.length = 0
  }
  expect(replies).toBeGreaterThan(1000)
  expect(replies).toBeLessThanOrEqual(200_000)
  for (const [address, client] of leased) {
    expect(bench.server.bindingAt(at(address))).toMatchObject({ state: 'leased', client: { mac: `02:00:5e:00:00:${client.toString(16)}` } })
  }
  const clients = bench.server.taken().flatMap(({ state, client: { key }, yiaddr }) => state === 'declined' ? [] : [`${key} ${formatIpv4(yiaddr).split('.')[0]}`])
  expect(new Set(clients).size).toBe(clients.length)
}, 60_000)

test('10,000 clients that only send DISCOVERs cannot lock out one that accepts its offer, or one with a lease or a reservation', () => {
  const bench = new Bench({ pool: '192.0.2.10-192.0.2.109', settings: { reserve: ['02:00:5e:00:00:09=192.0.2.9'] } })
  bench.obtain(1)
  for (let attacker = 0; attacker < 10_000; attacker++) {
    bench.nowMs = attacker
    bench.ask(DISCOVER, { chaddr: Uint8Array.of(6, 6, 6, 6, attacker >>> 8, attacker) })
  }
  expect(bench.obtain(2) ?? 'nothing').toMatch(/^192\.0\.2\.\d+$/)
  expect([bench.obtain(1), bench.obtain(9)]).toEqual(['192.0.2.10', '192.0.2.9'])
  expect(bench.server.taken().length).toBeLessThanOrEqual(101)
})

test('10,000 clients that exhaust the pool do not take the leases and reservations of others', () => {
  const bench = new Bench({ pool: '192.0.2.10-192.0.2.109', settings: { reserve: ['02:00:5e:00:00:09=192.0.2.9'] } })
  bench.obtain(1)
  for (let attacker = 0; attacker < 10_000; attacker++) {
    const chaddr = Uint8Array.of(6, 6, 6, 6, attacker >>> 8, attacker)
    const [offer] = bench.ask(DISCOVER, { chaddr })
    if (offer !== undefined) bench.ask({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: offer.message.yiaddr, serverIdentifier: at('192.0.2.1') }, { chaddr })
  }
  expect(bench.obtain(2)).toBeUndefined()
  expect([bench.obtain(1), bench.obtain(9)]).toEqual(['192.0.2.10', '192.0.2.9'])
})

test('an offer is held for a moment, however many others ask', () => {
  const bench = new Bench({ pool: '192.0.2.10-192.0.2.10' })
  bench.ask(DISCOVER)
  bench.nowMs = OFFER_KEPT_MS - 1
  expect(bench.ask(DISCOVER, { chaddr: mac(2) })).toEqual([])
  bench.nowMs = OFFER_KEPT_MS
  expect(bench.ask(DISCOVER, { chaddr: mac(2) })).toMatchObject([{ type: 'OFFER' }])
})

function obtainOn(bench: Bench, on: string, client: number): string {
  const [offer] = bench.ask(DISCOVER, { chaddr: mac(client), on })
  if (offer === undefined) {
    const probed = bench.events.flatMap(event => event.kind === 'probe' ? [event.yiaddr] : []).at(-1) ?? 0
    bench.server.probed(probed, undefined, bench.nowMs)
    bench.drain()
    bench.ask({ messageType: MESSAGE_TYPE.REQUEST, requestedAddress: probed, serverIdentifier: at('192.0.2.1') }, { chaddr: mac(client), on })
    return formatIpv4(probed)
  }
  return formatIpv4(offer.message.yiaddr)
}

/** A message of any type from one of 60 clients, truncated or with up to six bytes changed. */
function damaged(random: Random): Uint8Array {
  const address = () => [0, at('192.0.2.100') + below(random, 60), at('198.51.100.100') + below(random, 60), at('10.3.0.100') + below(random, 60)][below(random, 4)] ?? 0
  const message: Message = {
    op: 1, htype: 1, hops: 0, xid: random.uint32(), secs: 0, broadcast: false, ciaddr: below(random, 3) === 0 ? address() : 0, yiaddr: 0, siaddr: 0,
    giaddr: below(random, 4) === 0 ? at('10.3.0.1') : 0, chaddr: Uint8Array.of(4, 4, 4, 4, 4, below(random, 60)), sname: '', file: '', options: {
      messageType: 1 + below(random, 8), requestedAddress: below(random, 2) === 0 ? address() : undefined,
      serverIdentifier: below(random, 2) === 0 ? at('192.0.2.1') : undefined, parameterRequestList: [1, 3, 6, 12, 15, 119, 121], hostName: 'kettle',
      rapidCommit: below(random, 3) === 0 ? true : undefined, relayAgent: below(random, 4) === 0 ? Uint8Array.of(5, 4, 10, 3, 0, 1) : undefined,
    },
  }
  const whole = encodeMessage(message)
  const bytes = below(random, 10) === 0 ? whole.slice(0, below(random, whole.length)) : whole
  for (let change = below(random, 7); change > 0 && bytes.length > 0; change--) {
    const place = below(random, 3) === 0 ? below(random, AT.options) : AT.options + below(random, 60)
    // The hardware address stays the attacker's own: with any server, a client whose address is spoofed can lose its
    // lease.
    if (place < bytes.length && (place < AT.chaddr || place >= AT.chaddr + 6)) bytes[place] = random.uint32()
  }
  return bytes
}
