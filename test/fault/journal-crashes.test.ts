import { expect, test } from 'vitest'
import { surviveCrashes } from '../../src/services/kit/node/testing/journal-crashes.ts'

const CRASHES = 100_000

test(`through ${CRASHES.toLocaleString('en')} crashes, a journal loses no acknowledged record and invents none`, async () => {
  let crashes = 0
  for (let seed = 0; crashes < CRASHES; seed++) {
    crashes += await surviveCrashes(seed, { appliesFirst: seed % 2 === 0, withFaults: seed % 4 < 2 })
      .catch((error: unknown) => { throw new Error(`seed ${seed}`, { cause: error }) })
  }
  expect(crashes).toBeGreaterThanOrEqual(CRASHES)
})
