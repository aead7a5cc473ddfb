import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UsageError } from './errors.ts'
import { PERFECT_LINK } from './link.ts'
import { formatLink, isPerfect, LINK_DIRECTIONS, LINK_PRESET_NAMES, LINK_PRESETS, LINK_TERMS, nameLink, parseLink, PERFECT_SETTING } from './link-text.ts'

const conditions = (text: string) => parseLink(text).conditions

test('each term sets its condition, in any order and any number format', () => {
  expect(parseLink('rate=20mbit, loss=5% delay=0.05s direction=out seed=7')).toEqual({
    conditions: { ...PERFECT_LINK, loss: 0.05, delayMs: 50, rateBitsPerSecond: 20_000_000 }, direction: 'out', seed: 7,
  })
  expect(conditions('loss=0.05')).toEqual(conditions('loss=5%'))
  expect(conditions('queue=64kB')).toEqual(conditions('queue=64kb'))
  expect(conditions('rate=1.5MBIT').rateBitsPerSecond).toBe(1_500_000)
})

test('conditions after a preset change it', () => {
  expect(conditions('satellite')).toMatchObject({ delayMs: 280, loss: 0.005 })
  expect(conditions('satellite loss=3%')).toEqual({ ...conditions('satellite'), loss: 0.03 })
  for (const [name, { text }] of Object.entries(LINK_PRESETS)) expect(parseLink(name), name).toEqual(parseLink(text))
})

test('every preset is recognized by its conditions, and the list has all of them', () => {
  expect([...LINK_PRESET_NAMES].sort()).toEqual(Object.keys(LINK_PRESETS).sort())
  for (const name of LINK_PRESET_NAMES) expect([nameLink(parseLink(LINK_PRESETS[name].text)), nameLink({ ...parseLink(name), seed: 9 })]).toEqual([name, name])
  expect(nameLink(parseLink('satellite loss=7%'))).toBe('delay=280ms jitter=5ms loss=7% rate=20mbit queue=1MB overhead=28 mtu=1500')
})

test('an empty text and "perfect" are a perfect link', () => {
  for (const text of ['', '  ', 'perfect', 'delay=0 loss=0%']) expect([text, isPerfect(parseLink(text))]).toEqual([text, true])
  expect(isPerfect(parseLink('loss=0.001%'))).toBe(false)
})

describe('the error names what is not accepted, and why', () => {
  test.each([
    ['lossy', 'lossy', 'neither a preset'], ['loss', 'loss', 'neither a preset'], ['los=5%', '"los"', 'no condition with that name'], ['loss=5', 'loss=5', 'not between 0% and 100%'],
    ['loss=101%', 'loss=101%', 'not between'], ['delay=-1ms', 'delay=-1ms', 'not a number'], ['delay=50mbit', 'delay=50mbit', 'not a number'], ['delay=11s', 'delay=11s', 'not between 0ms and 10000ms'],
    ['burst=0', 'burst=0', 'not between 1 and 1000'], ['rate=fast', 'rate=fast', 'not a number'], ['loss=1% loss=2%', 'loss=2%', 'twice'], ['direction=up', '"up"', 'one direction or both'],
    ['seed=4294967296', 'seed=4294967296', '32 bits'], ['delay=50ms satellite', 'satellite', 'neither a preset'], ['delay=1e3ms', 'delay=1e3ms', 'not a number'], ['delay==5', 'delay=', 'not a number'],
    ['__proto__=1', '"__proto__"', 'no condition with that name'],
  ])('%s', (text, what, why) => {
    try {
      parseLink(text)
      expect.unreachable('it was accepted')
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      expect(error.parts.what).toContain(what)
      expect(error.parts.why).toContain(why)
    }
  })
})

/** Values as users write them: at most three decimals in their unit. */
const decimal = (maximum: number) => fc.integer({ min: 0, max: maximum * 1000 }).map(thousandths => thousandths / 1000)
const fraction = decimal(100).map(percent => Number((percent / 100).toPrecision(12)))
const setting = fc.record({
  conditions: fc.record({
    delayMs: decimal(10_000), jitterMs: decimal(10_000), reorderMs: decimal(10_000), loss: fraction, corruption: fraction,
    duplication: fraction, reordering: fraction,
    lossRun: fc.integer({ min: 1, max: 1000 }), rateBitsPerSecond: fc.oneof(fc.nat(100_000_000), fc.nat(20_000)),
    queueBytes: fc.integer({ min: 0, max: 64_000_000 }), overheadBytes: fc.integer({ min: 0, max: 1000 }),
    mtuBytes: fc.integer({ min: 0, max: 65_535 }),
  }),
  direction: fc.constantFrom(...LINK_DIRECTIONS),
  seed: fc.nat(0xffffffff),
})

test('formatted conditions are parsed as the same', () => {
  fc.assert(fc.property(setting, given => {
    const read = parseLink(formatLink(given))
    expect(read).toEqual(isPerfect(given) ? PERFECT_SETTING : given)
  }), { numRuns: 500 })
})

test('any text is a link or a UsageError, and a link\'s conditions are within bounds', () => {
  const word = fc.oneof(fc.constantFrom(...Object.keys(LINK_TERMS), ...Object.keys(LINK_PRESETS), '=', '%', ' ', ',', 'ms', 'mbit', 'kB', '-', '.'), fc.integer().map(String), fc.string({ maxLength: 4 }))
  fc.assert(fc.property(fc.array(word, { maxLength: 8 }).map(words => words.join('')), text => {
    try {
      const read = conditions(text)
      for (const { condition, minimum, maximum } of Object.values(LINK_TERMS)) {
        expect(read[condition]).toBeGreaterThanOrEqual(minimum)
        expect(read[condition]).toBeLessThanOrEqual(maximum)
      }
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
    }
  }), { numRuns: 2000 })
})
