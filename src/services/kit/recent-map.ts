/**
 * A Map that forgets what has not been used recently. It has two generations: when the young one is full it becomes the old one, and the
 * previous old one is dropped; an entry of the old generation that is used moves to the young one. Nothing is sorted or counted.
 */
export class RecentMap<Key, Value> {
  readonly #generationMax: number
  #young = new Map<Key, Value>()
  #old = new Map<Key, Value>()

  /** @param generationMax at least this many of the most recently used entries are kept, and at most twice as many */
  constructor(generationMax: number) {
    this.#generationMax = generationMax
  }

  get(key: Key): Value | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: Key, value: Value): void {
    if (this.#young.size >= this.#generationMax) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }
}
