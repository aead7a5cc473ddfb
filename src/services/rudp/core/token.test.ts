import { expect, test } from 'vitest'
import { seededRandom } from '../../kit/random.ts'
import { TokenMint } from './token.ts'

const peer = { address: '192.0.2.7', port: 4000 }
const mint = () => new TokenMint(seededRandom(1))

test('a token is accepted once, from the address to which it was issued', () => {
  const tokens = mint()
  const token = tokens.issue('retry', peer, 77, 1000)
  expect(tokens.redeem(token, { ...peer, address: '192.0.2.8' }, 77, 1001)).toBeUndefined()
  expect(tokens.redeem(token, { ...peer, port: 4001 }, 77, 1001)).toBeUndefined()
  expect(tokens.redeem(token, peer, 78, 1001)).toBeUndefined()
  expect(tokens.redeem(token, peer, 77, 1001)).toBe('retry')
  expect(tokens.redeem(token, peer, 77, 1001)).toBeUndefined()
})

test('a visit token is valid for another port and another connection, for an hour', () => {
  const tokens = mint()
  const [first, second] = [tokens.issue('visit', peer, 77, 1000), tokens.issue('visit', peer, 77, 1000)]
  expect(tokens.redeem(first, { ...peer, port: 9 }, 5, 3_600_999)).toBe('visit')
  expect(tokens.redeem(second, peer, 77, 3_601_001)).toBeUndefined()
})

test('a token with any bit changed, or of another endpoint, is invalid', () => {
  const tokens = mint()
  const token = tokens.issue('visit', peer, 1, 0)
  for (let bit = 0; bit < token.length * 8; bit++) {
    const forged = token.slice()
    forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(tokens.redeem(forged, peer, 1, 1)).toBeUndefined()
  }
  expect(new TokenMint(seededRandom(2)).redeem(token, peer, 1, 1)).toBeUndefined()
  expect(tokens.redeem(new Uint8Array(5), peer, 1, 1)).toBeUndefined()
})

test('however many are used, none is accepted twice', () => {
  const tokens = mint()
  const used = Array.from({ length: 70_000 }, (_, atMs) => tokens.issue('visit', peer, 1, atMs))
  expect(used.every((token, atMs) => tokens.redeem(token, peer, 1, atMs) === 'visit')).toBe(true)
  expect(used.some(token => tokens.redeem(token, peer, 1, 70_000) !== undefined)).toBe(false)
  expect(tokens.redeem(tokens.issue('visit', peer, 1, 70_000), peer, 1, 70_000)).toBe('visit')
}, 20_000)
