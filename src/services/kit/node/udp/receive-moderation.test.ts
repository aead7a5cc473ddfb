import { expect, test } from 'vitest'
import { ReceiveModeration } from './receive-moderation.ts'

/** Until when a socket pauses that is read at these times and brings this many datagrams each time. */
const pauses = (...reads: readonly (readonly [atMs: number, count: number])[]) => {
  const moderation = new ReceiveModeration(2)
  return reads.map(([atMs, count]) => moderation.pauseUntilMs(count, atMs))
}

test('a few datagrams are read as each arrives', () => {
  expect(pauses([0, 1], [0.5, 1], [1, 1], [2, 1], [2.1, 1], [2.2, 1], [4, 3])).toEqual([undefined, undefined, undefined, undefined, undefined, undefined, undefined])
})

test('in a crowd the socket pauses after each read, whether datagrams arrive one by one or together', () => {
  expect(pauses([0, 1], [0.1, 1], [0.2, 1], [0.3, 1], [2.3, 8], [4.3, 8])).toEqual([undefined, undefined, undefined, 2.3, 4.3, 6.3])
})

test('after a crowd, datagrams are read as each arrives again', () => {
  expect(pauses([0, 9], [2, 1], [4.5, 1])).toEqual([2, undefined, undefined])
})

test('in a flood the socket does not pause', () => {
  expect(pauses([0, 64], [0.1, 64], [0.2, 32], [0.3, 8])).toEqual([undefined, undefined, undefined, 2.3])
})
