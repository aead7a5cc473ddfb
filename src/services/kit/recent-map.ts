/**
 * A Map that forgets what has long not been used. Two generations: when the young one is full it becomes the old one, and the old one
 * is forgotten; what is used in the old one moves on into the young one. So nothing is sorted and nothing is counted.
 */
export class RecentMap<Key, Value> {
  readonly #generationMax: number
  #young = new Map<Key, Value>()
  #old = new Map<Key, Value>()

  /** @param generationMax so many that were used last are remembered for certain, and twice as many at most */
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
