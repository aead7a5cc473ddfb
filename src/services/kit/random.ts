/** Randomness as an argument: pure rooms draw from this, so a seed replays every run. */
export interface Random {
  /** A whole number, 0 ≤ n < 2³². */
  uint32(): number
}

/** A whole number, 0 ≤ n < limit (limit ≤ 2³²), without the bias of a plain remainder. */
export function below(random: Random, limit: number): number {
  const fair = Math.floor(0x100000000 / limit) * limit
  for (;;) {
    const drawn = random.uint32()
    if (drawn < fair) return drawn % limit
  }
}

/** A whole number, 0 ≤ n < 2⁵²: as many bits as every sum of two keeps exact in a double. */
export function uint52(random: Random): number {
  return (random.uint32() & 0xfffff) * 0x100000000 + random.uint32()
}

/** A fraction, 0 ≤ f < 1. */
export function fraction(random: Random): number {
  return random.uint32() / 0x100000000
}

/** The same numbers for the same seed (the mulberry32 generator): for tests and simulated links, never for secrets. */
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
