import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatIpv4, formatIpv6, isLinkLocalIpv6 } from '../../ip-address.ts'
import { encodePath, hashPeerAddress, PATH_WORDS, NativePaths } from './native-paths.ts'

const port = fc.nat(65_535)
const ipv4 = fc.integer({ min: 1, max: 0xffffffff }).map(formatIpv4)
const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(formatIpv6).filter(text => text !== '::')
const fields = fc.oneof(ipv4, ipv6).chain(address => fc.record({
  peer: fc.record({ address: fc.constant(address), port }), interfaceIndex: fc.nat(1000), localAddress: fc.oneof(fc.constant(''), address.includes(':') ? ipv6 : ipv4),
}))
const local = { address: '0.0.0.0', port: 67 }
const nativePaths = () => new NativePaths(local, index => `wire${index}`)

test('a path is decoded as it was encoded', () => {
  fc.assert(fc.property(fields, ({ peer, interfaceIndex, localAddress }) => {
    const path = nativePaths().at(encodePath({ peer, interfaceIndex, localAddress }), 0)
    expect({ ...path }).toEqual({
      peer, interfaceName: interfaceIndex === 0 ? '' : `wire${interfaceIndex}`, local: localAddress === '' ? local : { address: localAddress, port: local.port },
    })
  }))
})

test('the zone of a link-local peer is its interface, and no other peer has one', () => {
  fc.assert(fc.property(fields, fc.boolean(), (to, linkLocal) => {
    const peer = { ...to.peer, address: linkLocal ? 'fe80::1' : to.peer.address }
    const scope = encodePath({ ...to, peer })[6]
    expect(scope).toBe(isLinkLocalIpv6(peer.address) ? to.interfaceIndex : 0)
  }))
})

test('equal fields give the same object, wherever their words are, and different fields a different one', () => {
  fc.assert(fc.property(fields, fields, (one, other) => {
    const paths = nativePaths()
    const words = new Uint32Array(3 * PATH_WORDS)
    for (const [index, to] of [one, other, one].entries()) words.set(encodePath(to), index * PATH_WORDS)
    const [first, second, third] = [0, 1, 2].map(index => paths.at(words, index * PATH_WORDS))
    expect(first).toBe(third)
    expect(first === second).toBe(JSON.stringify(one) === JSON.stringify(other))
  }))
})

test('the hash of a peer depends on its address, not on its port or interface', () => {
  fc.assert(fc.property(fields, port, fc.nat(9), (to, otherPort, interfaceIndex) => {
    const moved = encodePath({ ...to, peer: { ...to.peer, port: otherPort }, interfaceIndex })
    expect(hashPeerAddress(moved, 0)).toBe(hashPeerAddress(encodePath(to), 0))
  }))
})
