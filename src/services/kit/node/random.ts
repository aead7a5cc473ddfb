/** Randomness for services, from the operating system. */
import { randomFillSync } from 'node:crypto'
import type { Random } from '../random.ts'

const POOL_WORDS = 1024

/** Cryptographically secure numbers, drawn from the operating system in bulk. */
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
