import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatIpv4, formatIpv6, isLinkLocalIpv6 } from '../../ip-address.ts'
import { encodeWay, hashPeerAddress, WAY_WORDS, Ways } from './ways.ts'

const port = fc.nat(65_535)
const ipv4 = fc.integer({ min: 1, max: 0xffffffff }).map(formatIpv4)
const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(formatIpv6).filter(text => text !== '::')
const direction = fc.oneof(ipv4, ipv6).chain(address => fc.record({
  peer: fc.record({ address: fc.constant(address), port }), interfaceIndex: fc.nat(1000), localAddress: fc.oneof(fc.constant(''), address.includes(':') ? ipv6 : ipv4),
}))
const local = { address: '0.0.0.0', port: 67 }
const waysOf = () => new Ways(local, index => `wire${index}`)

test('what a direction says stands in the path that is made of its words', () => {
  fc.assert(fc.property(direction, ({ peer, interfaceIndex, localAddress }) => {
    const path = waysOf().at(encodeWay({ peer, interfaceIndex, localAddress }), 0)
    expect({ ...path }).toEqual({
      peer, interfaceName: interfaceIndex === 0 ? '' : `wire${interfaceIndex}`, local: localAddress === '' ? local : { address: localAddress, port: local.port },
    })
  }))
})

test('the zone of a link-local peer is its interface, and no other peer has one', () => {
  fc.assert(fc.property(direction, fc.boolean(), (to, linkLocal) => {
    const peer = { ...to.peer, address: linkLocal ? 'fe80::1' : to.peer.address }
    const scope = encodeWay({ ...to, peer })[6]
    expect(scope).toBe(isLinkLocalIpv6(peer.address) ? to.interfaceIndex : 0)
  }))
})

test('the same direction is the same way, wherever its words stand, and another is another', () => {
  fc.assert(fc.property(direction, direction, (one, other) => {
    const ways = waysOf()
    const words = new Uint32Array(3 * WAY_WORDS)
    for (const [index, to] of [one, other, one].entries()) words.set(encodeWay(to), index * WAY_WORDS)
    const [first, second, third] = [0, 1, 2].map(index => ways.at(words, index * WAY_WORDS))
    expect(first).toBe(third)
    expect(first === second).toBe(JSON.stringify(one) === JSON.stringify(other))
  }))
})

test('the hash of a peer is that of its address, whatever its port and wire', () => {
  fc.assert(fc.property(direction, port, fc.nat(9), (to, otherPort, interfaceIndex) => {
    const moved = encodeWay({ ...to, peer: { ...to.peer, port: otherPort }, interfaceIndex })
    expect(hashPeerAddress(moved, 0)).toBe(hashPeerAddress(encodeWay(to), 0))
  }))
})
