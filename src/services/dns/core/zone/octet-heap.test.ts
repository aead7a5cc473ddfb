import { expect, test } from 'vitest'
import { OctetHeap } from './octet-heap.ts'

test('a run keeps its content, however much is added later', () => {
  const heap = new OctetHeap()
  const runs = Array.from({ length: 2000 }, (_, index) => heap.add(Uint8Array.from({ length: index % 40 }, (_each, at) => (index + at) & 255)))
  for (const [index, run] of runs.entries()) expect([...heap.view(run)]).toEqual(Array.from({ length: index % 40 }, (_, at) => (index + at) & 255))
  const text = heap.addText('xmy-appx', 1, 7)
  expect([heap.text(text), heap.lengthOf(text), heap.octet(text, 2)]).toEqual(['my-app', 6, 0x2d])
})

test('a heap is wasteful once more than a megabyte and more than half of it was dropped', () => {
  const heap = new OctetHeap()
  const runs = Array.from({ length: 40 }, () => heap.add(new Uint8Array(60_000)))
  for (const run of runs.slice(0, 20)) heap.drop(run)
  expect(heap.isWasteful).toBe(false)
  heap.drop(runs[20] ?? expect.unreachable('it was added'))
  expect(heap.isWasteful).toBe(true)
  const small = new OctetHeap()
  small.drop(small.add(new Uint8Array(1000)))
  expect(small.isWasteful).toBe(false)
})

test('a run of more than 65,535 octets is refused', () => {
  expect(() => new OctetHeap().add(new Uint8Array(65_536))).toThrow(RangeError)
})
