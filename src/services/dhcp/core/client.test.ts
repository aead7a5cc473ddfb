import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Path } from '../../kit/endpoint.ts'
import { formatIpv4, parseIpv4 } from '../../kit/ip-address.ts'
import { fraction, seededRandom } from '../../kit/random.ts'
import { typeOf } from '../testing/bench.ts'
import { decodeMessage, encodeMessage, MESSAGE_TYPE, type Message } from '../wire/message.ts'
import type { LeaseRecord } from './binding.ts'
import { DhcpClient, TRANSITIONS, type ClientEvent, type ClientState } from './client.ts'
import { networksToServe } from './pools.ts'
import { DhcpServer } from './server.ts'

const SERVER = { address: '192.0.2.1', port: 6767 }
const LATENCY_MS = 5

interface Host {
  readonly client: DhcpClient
  readonly events: ClientEvent[]
  readonly serverPath: Path
}

/**
 * A server and its clients on a link that can be told to lose, duplicate and delay datagrams. Time jumps to the next
 * event.
 */
class VirtualNetwork {
  readonly hosts: Host[] = []
  /** What the clients sent. */
  readonly sent: { atMs: number; type: string; by: number; broadcast: boolean }[] = []
  readonly journal: LeaseRecord[] = []
  nowMs = 0
  /** Whether to lose a datagram. */
  loses: (fromServer: boolean) => boolean = () => false
  /** The delay of each copy of a datagram. */
  copiesAfterMs: () => readonly number[] = () => [LATENCY_MS]
  server: DhcpServer | undefined
  #inFlight: { atMs: number; deliver: () => void }[] = []
  readonly #pool: string
  readonly leaseSeconds: number

  constructor(pool = '192.0.2.10-192.0.2.99', leaseSeconds = 3600) {
    this.#pool = pool
    this.leaseSeconds = leaseSeconds
    this.startServer()
  }

  /** Starts the server with the records of the journal. */
  startServer(): void {
    const networks = networksToServe([{ interfaceName: 'if0', address: parseIpv4(SERVER.address) ?? 0, prefixBits: 24, loopback: false, gateway: undefined }], { pool: this.#pool })
    this.server = new DhcpServer({ networks, dnsAddress: undefined, dnsPort: 5300, dnsAdminPort: 5355, leaseSeconds: this.leaseSeconds, domain: '', names: undefined, options: {}, probe: false, rapidCommit: false, records: this.journal })
  }

  add({ probe = false, remembered = '', repliesBroadcast = false, seed = this.hosts.length } = {}): Host {
    const number = this.hosts.length
    const local = { address: `192.0.2.${200 + number}`, port: 40_000 }
    const serverPath: Path = { local, interfaceName: '', peer: { address: '255.255.255.255', port: SERVER.port } }
    const client = new DhcpClient({ mac: Uint8Array.of(2, 0, 0, 0, 0, number), hostName: `host-${number}`, random: seededRandom(seed), serverPaths: [serverPath], probe, remembered: parseIpv4(remembered) ?? 0, repliesBroadcast })
    const host = { client, events: [], serverPath }
    this.hosts.push(host)
    client.start(this.nowMs)
    return host
  }

  /** Runs until `untilMs`. */
  run(untilMs: number): this {
    for (let steps = 0; ; steps++) {
      if (steps > 200_000) throw new Error('the network does not become idle')
      this.#drain()
      const nextMs = Math.min(this.server?.deadlineMs() ?? Infinity, ...this.hosts.map(({ client }) => client.deadlineMs()), ...this.#inFlight.map(({ atMs }) => atMs))
      if (nextMs > untilMs) break
      this.nowMs = Math.max(this.nowMs, nextMs)
      for (const { atMs, deliver } of this.#inFlight) if (atMs <= this.nowMs) deliver()
      this.#inFlight = this.#inFlight.filter(({ atMs }) => atMs > this.nowMs)
      if ((this.server?.deadlineMs() ?? Infinity) <= this.nowMs) this.server?.timeout(this.nowMs)
      for (const { client } of this.hosts) if (client.deadlineMs() <= this.nowMs) client.timeout(this.nowMs)
    }
    this.nowMs = untilMs
    return this
  }

  #drain(): void {
    for (const [number, { client, events }] of this.hosts.entries()) {
      for (const effect of client.outbox.splice(0)) {
        if (effect.kind === 'event') events.push(effect.event)
        if (effect.kind !== 'send') continue
        const broadcast = effect.path.peer.address === '255.255.255.255'
        this.sent.push({ atMs: this.nowMs, type: typeOf(decodeMessage(effect.bytes)), by: number, broadcast })
        const arrives: Path = { local: { address: broadcast ? '0.0.0.0' : effect.path.peer.address, port: SERVER.port }, interfaceName: '', peer: effect.path.local }
        this.#send(false, () => this.server?.receive(effect.bytes, arrives, this.nowMs))
      }
    }
    for (const outer of this.server?.outbox.splice(0) ?? []) {
      if (outer.kind === 'persist') this.journal.push(outer.record)
      for (const effect of outer.kind === 'persist' ? outer.then : [outer]) {
        if (effect.kind !== 'send') continue
        const { path, bytes } = effect
        const host = this.hosts.find(({ serverPath }) => serverPath.local.address === path.peer.address)
        this.#send(true, () => host?.client.receive(bytes, { local: path.peer, interfaceName: '', peer: path.local }, this.nowMs))
      }
    }
  }

  #send(fromServer: boolean, deliver: () => void): void {
    if (this.loses(fromServer)) return
    for (const afterMs of this.copiesAfterMs()) this.#inFlight.push({ atMs: this.nowMs + afterMs, deliver })
  }
}

const leaseOf = ({ events }: Host) => events.findLast(event => event.kind === 'bound')?.lease
const path = ({ events }: Host) => ['INIT', ...events.flatMap(event => event.kind === 'state' ? [event.to] : [])].join(' ')

test('a client is bound after four datagrams, and learns all parameters', () => {
  const network = new VirtualNetwork()
  const host = network.add()
  network.run(1000)
  expect(leaseOf(host)).toEqual({
    address: '192.0.2.10', subnetMask: '255.255.255.0', server: '192.0.2.1', dns: '192.0.2.1', dnsPort: 5300, dnsAdminPort: 5355, domain: '', router: '',
    leaseSeconds: 3600, obtainedAtMs: 2 * LATENCY_MS, askedAtMs: 0, tookMs: 4 * LATENCY_MS,
  })
  expect(path(host)).toBe('INIT SELECTING REQUESTING BOUND')
})

test('a lease is renewed by unicast at half its time, again and again', () => {
  const network = new VirtualNetwork()
  const host = network.add()
  network.run(5 * 3_600_000)
  const renewals = network.sent.filter(({ type }) => type === 'REQUEST').slice(1)
  expect(renewals).toHaveLength(9)
  expect(renewals.every(({ broadcast }) => !broadcast)).toBe(true)
  expect(renewals[0]?.atMs).toBe(10 + 1_800_000)
  expect(leaseOf(host)?.address).toBe('192.0.2.10')
})

test('a client that remembers its address asks for it first, and has it after two datagrams', () => {
  const network = new VirtualNetwork()
  network.add({ seed: 7 })
  network.run(1000)
  network.hosts.length = 0
  const again = network.add({ remembered: '192.0.2.10', seed: 7 })
  network.run(2000)
  expect(leaseOf(again)).toMatchObject({ address: '192.0.2.10', tookMs: 2 * LATENCY_MS })
  expect(again.events.flatMap(event => event.kind === 'state' ? [event.to] : [])).toEqual(['REBOOTING', 'BOUND'])
})

test('a client that remembers an address of another network gets a NAK and starts over; if no server knows the address, it starts over after a timeout', () => {
  const network = new VirtualNetwork()
  const [moved, unknown] = [network.add({ remembered: '198.51.100.7' }), network.add({ remembered: '192.0.2.77' })]
  network.run(60_000)
  for (const host of [moved, unknown]) {
    expect(host.events.flatMap(event => event.kind === 'state' ? [event.to] : [])).toEqual(['REBOOTING', 'INIT', 'SELECTING', 'REQUESTING', 'BOUND'])
  }
  expect(moved.events).toContainEqual({ kind: 'refused', why: '198.51.100.7 is not an address of this network' })
  expect(unknown.events).toContainEqual({ kind: 'lost', why: 'no server confirmed the address that this machine had' })
})

test('a server that does not know the client leases it the remembered address within a few seconds', () => {
  const network = new VirtualNetwork()
  const host = network.add({ remembered: '192.0.2.77' })
  network.run(5_000)
  expect(network.sent.map(({ type }) => type)).toEqual(['REQUEST', 'REQUEST', 'DISCOVER', 'REQUEST'])
  expect(leaseOf(host)?.address).toBe('192.0.2.77')
})

test('an address that was refused is not requested again', () => {
  const { client, answer } = asking('198.51.100.7')
  const requested = () => client.outbox.splice(0).flatMap(effect => effect.kind === 'send' ? [decodeMessage(effect.bytes).options.requestedAddress] : [])
  expect(requested()).toEqual([parseIpv4('198.51.100.7')])
  answer('NAK', 1)
  client.timeout(client.deadlineMs())
  expect(requested()).toEqual([undefined])
})

test('a lease of a standard server is extended by a broadcast REQUEST to confirm it, since no interface has the address', () => {
  const network = new VirtualNetwork()
  const host = network.add({ repliesBroadcast: true })
  network.run(4_000_000)
  const requests = network.sent.filter(({ type }) => type === 'REQUEST')
  expect(requests.length).toBeGreaterThan(1)
  expect(requests.every(({ broadcast }) => broadcast)).toBe(true)
  expect(host.client.state).toBe('BOUND')
  expect(host.events.filter(({ kind }) => kind === 'lost')).toEqual([])
})

test('when the server is gone the client renews at T1, rebinds at T2, and loses the address at the end', () => {
  const network = new VirtualNetwork()
  const host = network.add()
  network.run(1000)
  network.server = undefined
  network.run(3_700_000)
  expect(path(host)).toBe('INIT SELECTING REQUESTING BOUND RENEWING REBINDING INIT SELECTING')
  expect(host.events).toContainEqual({ kind: 'lost', why: 'the lease ended and no server renewed it' })
  const requests = network.sent.filter(({ type, atMs }) => type === 'REQUEST' && atMs > 1000)
  expect(requests.find(({ broadcast }) => broadcast)?.atMs).toBe(10 + 3_150_000)
  expect(requests.length).toBeLessThan(20)
})

test('a server that comes back before the lease ends renews it from its journal', () => {
  const network = new VirtualNetwork()
  const host = network.add()
  network.run(1000)
  network.server = undefined
  network.run(3_200_000).startServer()
  network.run(3_590_000)
  expect(host.client.state).toBe('BOUND')
  expect(host.events.filter(({ kind }) => kind === 'lost')).toEqual([])
})

test('a server that lost its records refuses the renewal, and the client starts over', () => {
  const network = new VirtualNetwork()
  const host = network.add()
  network.run(1000)
  network.journal.length = 0
  network.startServer()
  network.run(1_900_000)
  expect(path(host)).toBe('INIT SELECTING REQUESTING BOUND RENEWING INIT SELECTING REQUESTING BOUND')
  expect(host.events).toContainEqual({ kind: 'lost', why: '192.0.2.10 is not leased to this client' })
})

test('without a server a client backs off, up to about once a minute', () => {
  const network = new VirtualNetwork()
  network.server = undefined
  network.add()
  network.run(600_000)
  const waits = network.sent.map(({ atMs }, index) => atMs - (network.sent[index - 1]?.atMs ?? 0)).slice(1)
  for (const [index, waitMs] of waits.entries()) {
    const plainMs = Math.min(64_000, 1000 * 2 ** index)
    expect(waitMs).toBeGreaterThanOrEqual(plainMs * 0.75)
    expect(waitMs).toBeLessThanOrEqual(plainMs * 1.25)
  }
  expect(waits.length).toBeGreaterThan(8)
})

test('a probe gets an offer, and leases nothing', () => {
  const network = new VirtualNetwork()
  const host = network.add({ probe: true })
  network.run(100_000)
  expect(host.events).toContainEqual(expect.objectContaining({ kind: 'offered', lease: expect.objectContaining({ address: '192.0.2.10' }) }))
  expect(network.sent.map(({ type }) => type)).toEqual(['DISCOVER'])
  expect(network.journal).toEqual([])
})

/** A client that has sent its first message, and a function to reply to it, at time 0 by default. */
function asking(remembered = '') {
  const host = new VirtualNetwork().add({ remembered })
  const first = host.client.outbox.find(({ kind }) => kind === 'send')
  const { xid, chaddr } = decodeMessage(first?.kind === 'send' ? first.bytes : new Uint8Array())
  const answer = (type: 'OFFER' | 'ACK' | 'NAK', server: number, change: Partial<Message> = {}, nowMs = 0) => host.client.receive(encodeMessage({
    op: 2, htype: 1, hops: 0, xid, secs: 0, broadcast: false, ciaddr: 0, yiaddr: 7, siaddr: 0, giaddr: 0, chaddr, sname: '', file: '',
    ...change, options: { messageType: MESSAGE_TYPE[type], serverIdentifier: server, leaseSeconds: 60, ...change.options },
  }), host.serverPath, nowMs)
  return { client: host.client, xid, answer }
}

test('replies that do not match the transaction or the state are ignored', () => {
  const { client, xid, answer } = asking()
  answer('OFFER', 1, { xid: xid ^ 1 })
  answer('OFFER', 1, { op: 1 })
  answer('OFFER', 1, { yiaddr: 0 })
  answer('ACK', 1)
  expect(client.state).toBe('SELECTING')
  answer('OFFER', 1)
  expect(client.state).toBe('REQUESTING')
  answer('ACK', 1, { yiaddr: 8 })
  expect(client.state).toBe('REQUESTING')
  answer('ACK', 1)
  expect(client.state).toBe('BOUND')
})

test('a NAK from a server that was not chosen is ignored', () => {
  const { client, answer } = asking()
  answer('OFFER', 1)
  answer('NAK', 2)
  expect(client.state).toBe('REQUESTING')
  answer('NAK', 1)
  expect(client.state).toBe('INIT')
})

test.each([
  { what: 'T1 of 0', options: { renewalSeconds: 0 }, renewsAtMs: 1_800_000 },
  { what: 'T2 of 0', options: { rebindingSeconds: 0 }, renewsAtMs: 1_800_000 },
  { what: 'T1 after T2', options: { renewalSeconds: 3000, rebindingSeconds: 2000 }, renewsAtMs: 1_800_000 },
  { what: 'T2 at the end of the lease', options: { renewalSeconds: 100, rebindingSeconds: 3600 }, renewsAtMs: 1_800_000 },
  { what: 'times in order', options: { renewalSeconds: 100, rebindingSeconds: 200 }, renewsAtMs: 100_000 },
  { what: 'times that are too short', options: { renewalSeconds: 1, rebindingSeconds: 2 }, renewsAtMs: 3_000 },
  { what: 'a lease shorter than the minimum', options: { leaseSeconds: 2 }, renewsAtMs: 2_000 },
  { what: 'an infinite lease', options: { leaseSeconds: 0xffffffff }, renewsAtMs: Infinity },
])('$what: the client renews at a sensible time', ({ options, renewsAtMs }) => {
  const { client, answer } = asking()
  answer('OFFER', 1)
  answer('ACK', 1, { options: { leaseSeconds: 3600, ...options } })
  expect(client.state).toBe('BOUND')
  expect(client.deadlineMs()).toBe(renewsAtMs)
})

test('a lease that ended while the computer slept is lost, not renewed', () => {
  const { client, answer } = asking()
  answer('OFFER', 1)
  answer('ACK', 1)
  client.outbox.length = 0
  client.timeout(100_000)
  const [first] = client.outbox.flatMap(effect => effect.kind === 'send' ? [decodeMessage(effect.bytes)] : [])
  expect([client.state, first && typeOf(first)]).toEqual(['SELECTING', 'DISCOVER'])
})

test.each(['NAK', 'ACK'] as const)('a client that gets only a %s (an ACK of 0 s) backs off', type => {
  const { client, answer, ...first } = asking()
  let { xid } = first
  let refusals = 0
  for (let nowMs = 0; nowMs < 600_000 && refusals < 1000; nowMs = client.deadlineMs()) {
    client.timeout(nowMs)
    xid = client.outbox.flatMap(effect => effect.kind === 'send' ? [decodeMessage(effect.bytes).xid] : []).at(-1) ?? xid
    answer('OFFER', 1, { xid }, nowMs)
    answer(type, 1, { xid, options: { leaseSeconds: 0 } }, nowMs)
    refusals += client.outbox.splice(0).filter(effect => effect.kind === 'event' && effect.event.kind === 'refused').length
    if (client.state === 'BOUND') break
  }
  expect(refusals).toBeGreaterThan(8)
  expect(refusals).toBeLessThan(20)
})

test('text from a server is made printable', () => {
  const { client, answer } = asking()
  const events = () => client.outbox.splice(0).flatMap(effect => effect.kind === 'event' ? [effect.event] : [])
  answer('OFFER', 1)
  answer('ACK', 1, { options: { domainName: 'home\u001b[2J\u009b31m' } })
  expect(events()).toContainEqual(expect.objectContaining({ kind: 'bound', lease: expect.objectContaining({ domain: 'home?[2J?31m' }) }))
  client.timeout(client.deadlineMs())
  answer('NAK', 1, { options: { message: '\u001b]0;title\u0007no\r\nsuch address' } })
  expect(events()).toContainEqual({ kind: 'refused', why: '?]0;title?no??such address' })
})

test('a lease counts from the first REQUEST, even if the reply to that was lost', () => {
  const network = new VirtualNetwork()
  let answers = 0
  network.loses = fromServer => fromServer && ++answers === 2
  const host = network.add()
  network.run(10_000)
  expect(network.sent.map(({ type }) => type)).toEqual(['DISCOVER', 'REQUEST', 'REQUEST'])
  expect(leaseOf(host)?.obtainedAtMs).toBe(2 * LATENCY_MS)
})

test('replies to other clients, duplicates and noise change nothing', () => {
  const network = new VirtualNetwork()
  const host = network.add()
  network.run(1000)
  const before = path(host)
  const other = network.add()
  network.run(2000)
  expect(leaseOf(other)?.address).toBe('192.0.2.11')
  for (const bytes of [Uint8Array.of(1, 2, 3), new Uint8Array(400)]) host.client.receive(bytes, host.serverPath, 2000)
  network.run(3000)
  expect(path(host)).toBe(before)
})

test('whatever is lost, duplicated or late, and whenever the server restarts, every client gets a lease while the pool lasts, and no address is leased twice', () => {
  fc.assert(fc.property(fc.integer(), fc.double({ min: 0, max: 0.4, noNaN: true }), fc.integer({ min: 2, max: 12 }), fc.integer({ min: 2, max: 8 }), (seed, loss, clients, poolSize) => {
    const random = seededRandom(seed)
    const network = new VirtualNetwork(`192.0.2.10-192.0.2.${9 + poolSize}`, 120)
    network.loses = () => fraction(random) < loss
    const afterMs = () => LATENCY_MS + Math.floor(fraction(random) ** 4 * 5_000)
    network.copiesAfterMs = () => fraction(random) < 0.2 ? [afterMs(), afterMs()] : [afterMs()]
    for (let number = 0; number < clients; number++) network.add({ seed: seed + number })
    for (let minute = 0; minute < 10; minute++) {
      network.run(network.nowMs + 60_000)
      if (fraction(random) < 0.5) network.startServer()
      const held = network.hosts.filter(({ client: { state } }) => state === 'BOUND' || state === 'RENEWING' || state === 'REBINDING').map(host => leaseOf(host)?.address)
      expect(new Set(held).size).toBe(held.length)
    }
    network.loses = () => false
    network.copiesAfterMs = () => [LATENCY_MS]
    network.run(network.nowMs + 600_000)
    expect(network.hosts.filter(({ client }) => client.state === 'BOUND').length).toBe(Math.min(clients, poolSize))
  }), { numRuns: 60 })
})

test('every state of figure 5 is an initial state or reached by a transition, and every transition leads to a state', () => {
  const reached = new Set<ClientState>(['INIT', 'INIT-REBOOT', ...Object.values(TRANSITIONS).flatMap(exits => Object.values(exits))])
  expect([...reached].sort()).toEqual(Object.keys(TRANSITIONS).sort())
})

test('a client\'s message identifies it and asks for a broadcast reply', () => {
  const host = new VirtualNetwork().add()
  const [effect] = host.client.outbox.filter(({ kind }) => kind === 'send')
  const message = decodeMessage(effect?.kind === 'send' ? effect.bytes : new Uint8Array())
  expect(message).toMatchObject({ op: 1, broadcast: true, chaddr: Uint8Array.of(2, 0, 0, 0, 0, 0) })
  expect(message.options).toMatchObject({ messageType: MESSAGE_TYPE.DISCOVER, hostName: 'host-0', vendorClass: 'Hamlet', clientIdentifier: Uint8Array.of(1, 2, 0, 0, 0, 0, 0) })
  expect(formatIpv4(message.ciaddr)).toBe('0.0.0.0')
})
