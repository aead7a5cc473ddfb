import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NameTree, NONE, ROOT_NODE } from './name-tree.ts'
import { OctetHeap } from './octet-heap.ts'

const ancestorsOf = (name: string) => name.split('.').map((_, index, labels) => labels.slice(index).join('.'))

test('names and their ancestors are found after any additions and removals, among hundreds of others', () => {
  const name = fc.tuple(fc.nat({ max: 300 }), fc.nat({ max: 3 }), fc.constantFrom('home', 'example.org')).map(([a, b, end]) => `n${a}.m${b}.${end}`)
  fc.assert(fc.property(fc.array(fc.tuple(fc.boolean(), name), { minLength: 100, maxLength: 800, size: 'max' }), steps => {
    let heap = new OctetHeap()
    const tree = new NameTree(heap)
    const held = new Set<string>()
    for (const [isAdding, each] of steps) {
      if (isAdding) {
        tree.add(each)
        held.add(each)
      } else if (held.delete(each)) for (let node = tree.find(each); node !== ROOT_NODE && !tree.hasChildren(node);) node = tree.remove(node)
    }
    tree.moveTo(heap = new OctetHeap())
    const existing = new Set([...held].flatMap(ancestorsOf))
    expect(new Set([...tree.nodes()].map(node => tree.nameOf(node)))).toEqual(new Set(['.', ...existing]))
    for (const each of existing) expect(tree.nameOf(tree.find(each.toUpperCase()))).toBe(each)
    for (const [, each] of steps) if (!existing.has(each)) expect(tree.find(each)).toBe(NONE)
  }), { numRuns: 60 })
})

test('the search for a missing name yields its closest encloser', () => {
  const tree = new NameTree(new OctetHeap())
  tree.add('a.b.home')
  const closest = (name: string) => [tree.find(name) === NONE, tree.nameOf(tree.closest)]
  expect([closest('x.y.a.b.home'), closest('c.b.home'), closest('b.home'), closest('org'), closest('.')]).toEqual([
    [true, 'a.b.home'], [true, 'b.home'], [false, 'b.home'], [true, '.'], [false, '.'],
  ])
})

test('an escaped dot does not separate labels', () => {
  const tree = new NameTree(new OctetHeap())
  tree.add('a\\.b.home')
  tree.add('c\\\\.home')
  expect([tree.find('b.home'), tree.find('a\\.b.home') === NONE, tree.find('c\\\\.home') === NONE, tree.find('home') === NONE]).toEqual([NONE, false, false, false])
})
