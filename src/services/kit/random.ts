/** Randomness as an argument: pure modules draw from this, so a seed replays every run. */
export interface Random {
  /** An integer, 0 ≤ n < 2³². */
  uint32(): number
}

/** An integer, 0 ≤ n < limit (limit ≤ 2³²), without the bias of a plain remainder. */
export function below(random: Random, limit: number): number {
  const fair = Math.floor(0x100000000 / limit) * limit
  for (;;) {
    const drawn = random.uint32()
    if (drawn < fair) return drawn % limit
  }
}

/** An integer, 0 ≤ n < 2⁵²: the sum of two of them is still exact in a double. */
export function uint52(random: Random): number {
  return (random.uint32() & 0xfffff) * 0x100000000 + random.uint32()
}

/** A fraction, 0 ≤ f < 1. */
export function fraction(random: Random): number {
  return random.uint32() / 0x100000000
}

/** A generator (mulberry32) that repeats its numbers for the same seed: for tests and simulated links, never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return {
    uint32() {
      state = (state + 0x6d2b79f5) >>> 0
      let mixed = Math.imul(state ^ (state >>> 15), state | 1)
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
      return (mixed ^ (mixed >>> 14)) >>> 0
    },
  }
}
