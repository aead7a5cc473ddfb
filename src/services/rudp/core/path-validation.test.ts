import { expect, test } from 'vitest'
import type { Path } from '../../kit/endpoint.ts'
import { isSamePeer, PathValidation } from './path-validation.ts'

const path = (address: string, port = 4000): Path => ({ local: { address: '192.0.2.80', port: 8080 }, interfaceName: '', peer: { address, port } })
const [OLD, NEW, THIRD] = [path('192.0.2.1'), path('198.51.100.7'), path('203.0.113.9')]
/** The challenges drawn, in order: the high and low bits of each. */
const [FIRST, SECOND] = [7 * 2 ** 32 + 77, 8 * 2 ** 32 + 88]
const drawing = (bits: number[]) => ({ uint32: () => bits.shift() ?? expect.unreachable('no challenge is drawn') })

/** A peer whose newest packet, of 100 bytes, came from another address. */
function moved(): PathValidation {
  const validation = new PathValidation(OLD, drawing([7, 77, 8, 88]))
  expect(validation.onPacket(NEW, true, 100)).toBe(true)
  return validation
}

test('a validated address has no limit and no deadline, and is not challenged', () => {
  const validation = new PathValidation(OLD, drawing([]))
  expect([validation.onPacket(path('192.0.2.1'), true, 100), validation.onPacket(NEW, false, 100), validation.onResponse(0)]).toEqual([false, false, false])
  expect([validation.path, validation.budgetBytes, validation.deadlineMs, validation.onDeadline(100, 1e9)]).toEqual([OLD, Infinity, Infinity, undefined])
})

test('a new address gets three times what came from it until it is validated (RFC 9000 §8)', () => {
  const validation = moved()
  expect([validation.path, validation.budgetBytes, validation.deadlineMs]).toEqual([NEW, 300, -Infinity])
  validation.sent(120)
  expect(validation.budgetBytes).toBe(180)
  expect([validation.onPacket(NEW, false, 50), validation.budgetBytes]).toEqual([false, 330])
})

test('only the value of the challenge validates an address (RFC 9000 §8.2.3)', () => {
  const validation = moved()
  expect([validation.onResponse(FIRST + 1), validation.budgetBytes]).toEqual([false, 300])
  expect([validation.onResponse(FIRST), validation.budgetBytes, validation.deadlineMs, validation.path]).toEqual([true, Infinity, Infinity, NEW])
  expect(validation.onResponse(FIRST)).toBe(false)
  validation.onPacket(THIRD, true, 100)
  for (let nowMs = 0; nowMs <= 300; nowMs += 100) validation.onDeadline(100, nowMs)
  expect(validation.path).toBe(NEW)
})

test('a challenge is sent three times, then the old address stays', () => {
  const validation = moved()
  expect([0, 99, 100, 200, 299].map(nowMs => validation.onDeadline(100, nowMs))).toEqual([FIRST, undefined, FIRST, FIRST, undefined])
  expect([validation.onDeadline(100, 300), validation.path, validation.budgetBytes, validation.deadlineMs, validation.onResponse(FIRST)]).toEqual(['revert', OLD, Infinity, Infinity, false])
})

test('a newer packet from the old address ends the attempt', () => {
  const validation = moved()
  expect([validation.onPacket(OLD, true, 100), validation.path, validation.budgetBytes, validation.deadlineMs, validation.onResponse(FIRST)]).toEqual([true, OLD, Infinity, Infinity, false])
})

test('a third address starts with its own budget and tries', () => {
  const validation = moved()
  validation.sent(50)
  for (const nowMs of [0, 100]) validation.onDeadline(100, nowMs)
  expect([validation.onPacket(THIRD, true, 10), validation.budgetBytes]).toEqual([true, 30])
  expect([100, 200, 300, 400].map(nowMs => validation.onDeadline(100, nowMs))).toEqual([SECOND, SECOND, SECOND, 'revert'])
})

test('a peer is an address and a port', () => {
  expect([path('192.0.2.1'), path('192.0.2.1', 4001), path('192.0.2.2')].map(other => isSamePeer(OLD, other))).toEqual([true, false, false])
})
