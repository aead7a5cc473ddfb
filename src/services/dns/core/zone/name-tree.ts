/**
 * The tree of existing names (RFC 1034 §3.1): one node per label, identified by a number. A name that has only names below it
 * (an empty non-terminal, RFC 8020 §2) is also a node, so every ancestor of a node is in the tree.
 *
 *     (root) ─ home ─ my-app           `_tcp.my-app.home` exists though it has no records
 *                       └── _tcp
 *                             └── _http
 *
 * A hash table finds a node by parent and label. A lookup walks down from the root, so for a missing name it passes the
 * closest encloser (RFC 4592 §3.3.1). Names are the canonical text of wire/name.ts; case is kept, and ignored in comparisons.
 */
import { Column } from './column.ts'
import type { OctetHeap } from './octet-heap.ts'

export const NONE = 0
export const ROOT_NODE = 1

const BUCKETS_MIN = 64

const ASTERISK = 0x2a
const DOT = 0x2e
const BACKSLASH = 0x5c

export class NameTree {
  readonly #parent = new Column()
  /** The run of the label's text. */
  readonly #label = new Column()
  readonly #hash = new Column()
  /** The next node of the same bucket; for a free node, the next free one. */
  readonly #next = new Column()
  readonly #children = new Column()
  /** Hash → first node. The number of buckets is a power of two, at least the number of nodes. */
  #buckets: Uint32Array
  #count = ROOT_NODE
  /** One more than the largest number in use. */
  #end = ROOT_NODE + 1
  #free = NONE
  #closest = ROOT_NODE
  #heap: OctetHeap

  /** @param expectedNodes a hint that avoids resizing */
  constructor(heap: OctetHeap, expectedNodes = 0) {
    this.#heap = heap
    this.#buckets = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(BUCKETS_MIN, expectedNodes))))
  }

  /** The node of a name; NONE if it does not exist, and then `closest` is its closest existing ancestor. */
  find(name: string): number {
    this.#closest = ROOT_NODE
    if (name === '.') return ROOT_NODE
    for (let end = name.length; end > 0;) {
      const start = labelStart(name, 0, end)
      const node = this.#child(this.#closest, name, start, end, hashOf(this.#closest, name, start, end))
      if (node === NONE) return NONE
      this.#closest = node
      end = start - 1
    }
    return this.#closest
  }

  /** The last node that `find` passed. */
  get closest(): number {
    return this.#closest
  }

  /** The node of a single label under another node. */
  childOf(parent: number, label: string): number {
    return this.#child(parent, label, 0, label.length, hashOf(parent, label, 0, label.length))
  }

  /**
   * The node of the name in `text` from `start` to `end`, relative to another node. If it is missing, it is created, with its
   * ancestors. The caller guarantees that the text is a valid name.
   */
  add(text: string, start = 0, end = text.length, under = ROOT_NODE): number {
    if (text === '.') return ROOT_NODE
    let node = under
    for (let labelEnd = end; labelEnd > start;) {
      const labelAt = labelStart(text, start, labelEnd)
      const hash = hashOf(node, text, labelAt, labelEnd)
      node = this.#child(node, text, labelAt, labelEnd, hash) || this.#make(node, text, labelAt, labelEnd, hash)
      labelEnd = labelAt - 1
    }
    return node
  }

  /** Removes a node without children. @returns its parent */
  remove(node: number): number {
    const parent = this.#parent.get(node)
    const bucket = this.#hash.get(node) & (this.#buckets.length - 1)
    const next = this.#next.get(node)
    if (this.#buckets[bucket] === node) this.#buckets[bucket] = next
    else {
      let before = this.#buckets[bucket] ?? NONE
      while (this.#next.get(before) !== node) before = this.#next.get(before)
      this.#next.set(before, next)
    }
    this.#heap.drop(this.#label.get(node))
    this.#parent.set(node, NONE)
    this.#next.set(node, this.#free)
    this.#free = node
    this.#count--
    this.#children.set(parent, this.#children.get(parent) - 1)
    return parent
  }

  parentOf(node: number): number {
    return this.#parent.get(node)
  }

  hasChildren(node: number): boolean {
    return this.#children.get(node) > 0
  }

  /** Whether its first label is `*`. */
  isWildcard(node: number): boolean {
    const label = this.#label.get(node)
    return node !== ROOT_NODE && this.#heap.lengthOf(label) === 1 && this.#heap.octet(label, 0) === ASTERISK
  }

  nameOf(node: number): string {
    if (node === ROOT_NODE) return '.'
    let name = this.#heap.text(this.#label.get(node))
    for (let above = this.#parent.get(node); above !== ROOT_NODE; above = this.#parent.get(above)) name += `.${this.#heap.text(this.#label.get(above))}`
    return name
  }

  /** All nodes in order of creation, except that a new node may take the place of a removed one. */
  *nodes(): Generator<number> {
    yield ROOT_NODE
    for (let node = ROOT_NODE + 1; node < this.#end; node++) if (this.#parent.get(node) !== NONE) yield node
  }

  /** Moves all labels to another heap. */
  moveTo(heap: OctetHeap): void {
    for (const node of this.nodes()) if (node !== ROOT_NODE) this.#label.set(node, heap.addFrom(this.#heap, this.#label.get(node)))
    this.#heap = heap
  }

  #child(parent: number, text: string, start: number, end: number, hash: number): number {
    let node = this.#buckets[hash & (this.#buckets.length - 1)] ?? NONE
    while (node !== NONE && !(this.#hash.get(node) === hash && this.#parent.get(node) === parent && this.#isLabel(this.#label.get(node), text, start, end))) node = this.#next.get(node)
    return node
  }

  #isLabel(run: number, text: string, start: number, end: number): boolean {
    const heap = this.#heap
    const length = end - start
    if (heap.lengthOf(run) !== length) return false
    for (let index = 0; index < length; index++) if (lowerCase(heap.octet(run, index)) !== lowerCase(text.charCodeAt(start + index))) return false
    return true
  }

  #make(parent: number, text: string, start: number, end: number, hash: number): number {
    const node = this.#free === NONE ? this.#end++ : this.#free
    if (node === this.#free) this.#free = this.#next.get(node)
    if (++this.#count > this.#buckets.length) this.#moreBuckets()
    const bucket = hash & (this.#buckets.length - 1)
    this.#parent.set(node, parent)
    this.#label.set(node, this.#heap.addText(text, start, end))
    this.#hash.set(node, hash)
    this.#next.set(node, this.#buckets[bucket] ?? NONE)
    this.#children.set(node, 0)
    this.#buckets[bucket] = node
    this.#children.set(parent, this.#children.get(parent) + 1)
    return node
  }

  #moreBuckets(): void {
    this.#buckets = new Uint32Array(this.#buckets.length * 2)
    for (let node = ROOT_NODE + 1; node < this.#end; node++) {
      if (this.#parent.get(node) === NONE) continue
      const bucket = this.#hash.get(node) & (this.#buckets.length - 1)
      this.#next.set(node, this.#buckets[bucket] ?? NONE)
      this.#buckets[bucket] = node
    }
  }
}

/** Where the last label of a name begins. A dot after an odd number of backslashes does not separate labels. */
function labelStart(text: string, start: number, end: number): number {
  let at = end
  for (; at > start; at--) {
    if (text.charCodeAt(at - 1) !== DOT) continue
    let backslashes = 0
    while (at - 2 - backslashes >= start && text.charCodeAt(at - 2 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) break
  }
  return at
}

/** FNV-1a over the label, seeded with the parent. */
function hashOf(parent: number, text: string, start: number, end: number): number {
  let hash = Math.imul(parent, 0x9e3779b1) ^ 0x811c9dc5
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ lowerCase(text.charCodeAt(at)), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}

function lowerCase(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code
}
