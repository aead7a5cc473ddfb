import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { DoorProcess } from '../support/door-process.ts'
import { createNetwork, run, type Network } from '../support/namespaces.ts'

// server ── eth0 10.1.0.1 ── 10.1.0.2 one          server ── eth1 10.2.0.1 ── 10.2.0.2 two
let network: Network
let server: string
let one: string
let two: string
const ip = (namespace: string, ...args: string[]) => run(undefined, 'ip', '-n', namespace, ...args)

beforeAll(() => {
  network = createNetwork({ server: '10.1.0.1/24', one: '10.1.0.2/24', two: '' })
  server = network.namespaces['server'] ?? ''
  one = network.namespaces['one'] ?? ''
  two = network.namespaces['two'] ?? ''
  ip(server, 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth1', 'netns', two)
  for (const [namespace, address] of [[server, '10.2.0.1/24'], [two, '10.2.0.2/24']] as const) {
    ip(namespace, 'link', 'set', 'eth1', 'up')
    ip(namespace, 'address', 'add', address, 'dev', 'eth1')
  }
  ip(one, 'route', 'add', '10.2.0.0/24', 'via', '10.1.0.1')
  // nodad: the link-local addresses are usable without waiting for duplicate address detection.
  for (const namespace of [server, two]) ip(namespace, 'address', 'add', namespace === server ? 'fe80::1/64' : 'fe80::2/64', 'dev', 'eth1', 'nodad')
})
afterAll(() => network.remove())

const open: DoorProcess[] = []
afterEach(async () => { for (const door of open.splice(0)) await door.close() })

async function openDoor(namespace: string, opening: Parameters<typeof DoorProcess.open>[1]): Promise<DoorProcess> {
  const door = await DoorProcess.open(namespace, opening)
  open.push(door)
  return door
}

const PORT = 6767
const wildcard = { addresses: ['0.0.0.0'], port: PORT, io: 'batch', packetInfo: true, broadcast: true } as const

test('a wildcard socket reports the interface and the destination address of each datagram', async () => {
  const door = await openDoor(server, wildcard)
  for (const [namespace, address] of [[one, '10.1.0.1'], [two, '10.2.0.1'], [one, '10.2.0.1']] as const) {
    const client = await openDoor(namespace, { addresses: ['0.0.0.0'], port: 0 })
    await client.send({ peer: { address, port: PORT }, text: '?' })
    await door.receivedAtLeast(open.length - 1)
  }
  expect(door.received.map(({ path: { interfaceName, local, peer } }) => [interfaceName, local.address, local.port, peer.address])).toEqual([
    ['eth0', '10.1.0.1', PORT, '10.1.0.2'], ['eth1', '10.2.0.1', PORT, '10.2.0.2'], ['eth0', '10.2.0.1', PORT, '10.1.0.2'],
  ])
})

test('it answers from the address that was queried, even if the route would choose another', async () => {
  await openDoor(server, { ...wildcard, echoes: true })
  // connected, so it receives only answers from that address
  const client = await openDoor(one, { addresses: ['0.0.0.0'], port: 0, peer: { address: '10.2.0.1', port: PORT } })
  await client.send({ peer: { address: '10.2.0.1', port: PORT }, text: 'query' })
  expect((await client.receivedAtLeast(1))[0]?.text).toBe('query')
})

test('a broadcast is received with its interface and answered by broadcast on that link only', async () => {
  const door = await openDoor(server, wildcard)
  const listeners = [await openDoor(one, { addresses: ['0.0.0.0'], port: 68, broadcast: true }), await openDoor(two, { addresses: ['0.0.0.0'], port: 68, broadcast: true })]
  // No route covers a limited broadcast; binding to the link's address selects the link.
  const client = await openDoor(two, { addresses: ['10.2.0.2'], port: 0, broadcast: true })
  await client.send({ peer: { address: '255.255.255.255', port: PORT }, text: 'DISCOVER' })
  const [discover] = await door.receivedAtLeast(1)
  if (discover === undefined) throw new Error('nothing arrived')
  expect(discover.path).toMatchObject({ interfaceName: 'eth1', local: { address: '10.2.0.1' } })
  await door.send({ path: { ...discover.path, peer: { address: '255.255.255.255', port: 68 } }, text: 'OFFER' })
  expect((await listeners[1]?.receivedAtLeast(1))?.[0]).toMatchObject({ text: 'OFFER', path: { peer: { address: '10.2.0.1' } } })
  await door.send({ path: { local: door.local, interfaceName: 'eth1', peer: { address: '255.255.255.255', port: 68 } }, text: 'by its name alone' })
  expect((await listeners[1]?.receivedAtLeast(2))?.[1]?.text).toBe('by its name alone')
  // A stray broadcast on the other link would arrive before this datagram.
  await door.send({ peer: { address: '10.1.0.2', port: 68 }, text: 'afterwards' })
  expect((await listeners[0]?.receivedAtLeast(1))?.map(({ text }) => text)).toEqual(['afterwards'])
})

test('a door for one interface does not receive from the other', async () => {
  const door = await openDoor(server, { ...wildcard, interfaceName: 'eth1' })
  const [first, second] = [await openDoor(one, { addresses: ['0.0.0.0'], port: 0 }), await openDoor(two, { addresses: ['0.0.0.0'], port: 0 })]
  const both = await openDoor(server, { ...wildcard, port: 6768 })
  await first.send({ peer: { address: '10.1.0.1', port: PORT }, text: 'from eth0' })
  await first.send({ peer: { address: '10.1.0.1', port: 6768 }, text: 'from eth0' })
  await both.receivedAtLeast(1)
  await second.send({ peer: { address: '10.2.0.1', port: PORT }, text: 'from eth1' })
  expect((await door.receivedAtLeast(1)).map(({ text }) => text)).toEqual(['from eth1'])
})

describe.each(['batch', 'dgram'] as const)('over %s', io => {
  test('link-local IPv6 peers are queried and answered on their link', async () => {
    const door = await openDoor(server, { addresses: ['::'], port: PORT, io, packetInfo: true, echoes: true })
    const client = await openDoor(two, { addresses: ['fe80::2'], port: 0, io, interfaceName: 'eth1' })
    await client.send({ peer: { address: 'fe80::1', port: PORT }, text: 'in place' })
    expect((await client.receivedAtLeast(1))[0]).toMatchObject({ text: 'in place', path: { interfaceName: 'eth1', peer: { address: 'fe80::1' } } })
    const [query] = await door.receivedAtLeast(1)
    if (query === undefined) throw new Error('nothing arrived')
    expect(query.path).toMatchObject({ interfaceName: 'eth1', local: { address: io === 'batch' ? 'fe80::1' : '::' }, peer: { address: 'fe80::2' } })
    await door.send({ path: query.path, text: 'by its path' })
    expect((await client.receivedAtLeast(2))[1]?.text).toBe('by its path')
  })

  test('a datagram without a route is lost, and no other', async () => {
    const door = await openDoor(server, { addresses: ['0.0.0.0'], port: 0, io })
    const peer = await openDoor(one, { addresses: ['0.0.0.0'], port: 0 })
    await door.send({ peer: { address: '198.51.100.1', port: 9 }, text: 'nowhere' })
    await door.send({ peer: { address: '10.1.0.2', port: peer.local.port }, text: 'here' })
    expect((await peer.receivedAtLeast(1)).map(({ text }) => text)).toEqual(['here'])
  })
})

test.each([['that fit the MTU', 1200], ['that exceed the MTU and are fragmented', 2000]])('a train of datagrams %s arrives intact', async (_, segmentBytes) => {
  const peer = await openDoor(one, { addresses: ['0.0.0.0'], port: 0, coalesce: true })
  const door = await openDoor(server, { addresses: ['0.0.0.0'], port: 0, io: 'batch' })
  const text = Array.from({ length: 40_000 }, (_, number) => String(number % 10)).join('')
  await door.send({ peer: { address: '10.1.0.2', port: peer.local.port }, text, segmentBytes })
  const segments = await peer.receivedAtLeast(Math.ceil(text.length / segmentBytes))
  expect(segments.map(segment => segment.text).join('')).toBe(text)
  expect(segments.slice(0, -1).every(segment => segment.text.length === segmentBytes)).toBe(true)
})

test('many datagrams of equal length above the MTU arrive, each intact', async () => {
  const peer = await openDoor(one, { addresses: ['0.0.0.0'], port: 0 })
  const door = await openDoor(server, { addresses: ['0.0.0.0'], port: 0, io: 'batch' })
  const to = { address: '10.1.0.2', port: peer.local.port }
  const texts = ['.'.repeat(2000), '.'.repeat(1000)]
  for (const text of texts) await door.send({ peer: to, text, copies: 40 })
  const received = await peer.receivedAtLeast(80)
  expect(received.map(({ text }) => text)).toEqual(texts.flatMap(text => Array.from({ length: 40 }, (_, copy) => `${copy} ${text}`)))
})

test('when the socket buffer is full, datagrams are queued up to a limit and each is sent once', async () => {
  // Datagrams for a neighbor that does not answer ARP yet wait in the kernel and fill the socket's buffer.
  const settings = '/proc/sys/net/ipv4/neigh/eth0'
  run(server, 'sh', '-c', `echo 10000000 > ${settings}/unres_qlen_bytes; echo 60 > ${settings}/mcast_solicit`)
  const peer = await openDoor(one, { addresses: ['0.0.0.0'], port: PORT })
  const door = await openDoor(server, { addresses: ['0.0.0.0'], port: 0, io: 'batch' })
  const neighbour = { address: '10.1.0.99', port: PORT }
  const COPIES = 4000
  await door.send({ peer: neighbour, text: '.'.repeat(1000), copies: COPIES })
  expect(peer.received).toEqual([])
  ip(one, 'address', 'add', '10.1.0.99/24', 'dev', 'eth0')
  const waited = await peer.receivedAtLeast(500)
  await door.send({ peer: neighbour, text: 'last' })
  await expect.poll(() => waited.at(-1)?.text, { timeout: 20_000 }).toBe('last')
  const numbers = waited.slice(0, -1).map(({ text }) => parseInt(text, 10))
  // Sorted, because new datagrams may overtake those waiting in the kernel at the moment when the neighbor answers.
  expect([...numbers].sort((a, b) => a - b)).toEqual(numbers.map((_, index) => index))
  expect(numbers.length).toBeLessThan(1500)
})
