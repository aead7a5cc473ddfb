/** Randomness for services: the operating system's. */
import { randomFillSync } from 'node:crypto'
import type { Random } from '../random.ts'

const POOL_WORDS = 1024

/** Numbers that nobody can foresee: from the operating system, drawn in bulk. */
export function secureRandom(): Random {
  const pool = new Uint32Array(POOL_WORDS)
  let next = POOL_WORDS
  return {
    uint32() {
      if (next === POOL_WORDS) {
        randomFillSync(pool)
        next = 0
      }
      return pool[next++] ?? 0
    },
  }
}
