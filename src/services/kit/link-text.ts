/**
 * Link conditions as the user writes them, on the command line or in the window:
 *
 *     loss=5% burst=8 delay=50ms rate=20mbit          satellite          2g loss=3%
 *
 * Conditions in any order, optionally after the name of a preset to start from. Flags, settings, commands and the window share this grammar.
 */
import { UsageError } from './errors.ts'
import { PERFECT_LINK, type LinkConditions } from './link.ts'

export const LINK_DIRECTIONS = ['both', 'out', 'in'] as const
/** As seen from the endpoint that sets the conditions. */
export type LinkDirection = (typeof LINK_DIRECTIONS)[number]

/** What a link does to datagrams, in which direction, and with which random numbers. */
export interface LinkSetting {
  readonly conditions: LinkConditions
  readonly direction: LinkDirection
  /** The same seed repeats the same run: connection n since the conditions were set draws the same numbers. */
  readonly seed: number
}

export const PERFECT_SETTING: LinkSetting = { conditions: PERFECT_LINK, direction: 'both', seed: 1 }

type Condition = keyof LinkConditions

/** A term of the grammar: the condition it sets, its unit, and its bounds. */
export interface LinkTerm {
  readonly condition: Condition
  readonly unit: 'ms' | 'part' | 'count' | 'rate' | 'bytes'
  readonly minimum: number
  readonly maximum: number
}

const ms = (condition: Condition): LinkTerm => ({ condition, unit: 'ms', minimum: 0, maximum: 10_000 })
const part = (condition: Condition): LinkTerm => ({ condition, unit: 'part', minimum: 0, maximum: 1 })
const bytes = (condition: Condition, maximum: number): LinkTerm => ({ condition, unit: 'bytes', minimum: 0, maximum })

export const LINK_TERMS = {
  delay: ms('delayMs'),
  jitter: ms('jitterMs'),
  loss: part('loss'),
  /** How many datagrams are lost in a row, on average. */
  burst: { condition: 'lossRun', unit: 'count', minimum: 1, maximum: 1000 },
  corruption: part('corruption'),
  duplication: part('duplication'),
  reordering: part('reordering'),
  /** How long reordered datagrams are held back. */
  hold: ms('reorderMs'),
  rate: { condition: 'rateBitsPerSecond', unit: 'rate', minimum: 0, maximum: 100e9 },
  queue: bytes('queueBytes', 64e6),
  overhead: bytes('overheadBytes', 1000),
  mtu: bytes('mtuBytes', 65_535),
} as const satisfies Readonly<Record<string, LinkTerm>>
export type LinkTermName = keyof typeof LINK_TERMS

const terms: ReadonlyMap<string, LinkTerm> = new Map(Object.entries(LINK_TERMS))

/** 28 bytes of IP and UDP headers, and Ethernet's MTU of 1,500: without them a loopback link would take datagrams of 60 KB. */
const ETHERNET = 'mtu=1500 overhead=28'

/** Typical links. Delays are one-way, as everywhere. */
export const LINK_PRESETS = {
  perfect: { says: 'A perfect link: nothing is lost, delayed or limited.', text: '' },
  bottleneck: { says: '4 Mbit/s with a queue of about one round trip: watch the congestion window fill it, then fall.', text: `delay=25ms rate=4mbit queue=32kB ${ETHERNET}` },
  'far-wifi': { says: 'The far end of the garden: some loss, in short bursts, and a lot of jitter.', text: `delay=3ms jitter=20ms loss=3% burst=6 rate=8mbit queue=64kB ${ETHERNET}` },
  satellite: { says: 'Up to a geostationary satellite and down again: a long delay at a good rate.', text: `delay=280ms jitter=5ms loss=0.5% rate=20mbit queue=1MB ${ETHERNET}` },
  '2g': { says: 'A mobile phone on a train, in the year 2000.', text: `delay=300ms jitter=80ms loss=1% rate=240kbit queue=32kB ${ETHERNET}` },
  'bad-night': { says: 'A little of everything that can go wrong.', text: `delay=40ms jitter=20ms loss=10% burst=3 corruption=0.5% duplication=1% reordering=3% hold=15ms rate=8mbit queue=64kB ${ETHERNET}` },
} as const satisfies Readonly<Record<string, { readonly says: string; readonly text: string }>>
export type LinkPresetName = keyof typeof LINK_PRESETS
export const LINK_PRESET_NAMES: readonly LinkPresetName[] = ['perfect', 'bottleneck', 'far-wifi', 'satellite', '2g', 'bad-night']

const presets: ReadonlyMap<string, { readonly text: string }> = new Map(Object.entries(LINK_PRESETS))

/**
 * Parses link conditions. An empty text is a perfect link.
 * @throws UsageError naming the word that is not valid
 */
export function parseLink(text: string): LinkSetting {
  const words = text.split(/[\s,]+/).filter(word => word !== '')
  const [first = ''] = words
  const base = presets.get(first.toLowerCase())
  const setting = base === undefined ? PERFECT_SETTING : parseWords(base.text.split(' ').filter(word => word !== ''), PERFECT_SETTING)
  return parseWords(base === undefined ? words : words.slice(1), setting)
}

/** The shortest list of conditions that `parseLink` reads as the same; `perfect` for a perfect link. */
export function formatLink({ conditions, direction, seed }: LinkSetting): string {
  const words = [...terms].filter(([, { condition }]) => conditions[condition] !== PERFECT_LINK[condition]).map(([name, term]) => `${name}=${formatValue(conditions[term.condition], term)}`)
  if (words.length === 0) return 'perfect'
  if (direction !== PERFECT_SETTING.direction) words.push(`direction=${direction}`)
  if (seed !== PERFECT_SETTING.seed) words.push(`seed=${seed}`)
  return words.join(' ')
}

/** The preset that a setting equals, whatever its seed; undefined if there is none. */
export function presetOf({ conditions, direction }: LinkSetting): LinkPresetName | undefined {
  return LINK_PRESET_NAMES.find(name => formatLink({ conditions, direction, seed: PERFECT_SETTING.seed }) === formatLink(parseLink(name)))
}

/** The setting's preset name, if it is a preset, or else its conditions. */
export function nameLink(setting: LinkSetting): string {
  return presetOf(setting) ?? formatLink(setting)
}

/** Whether the link leaves everything untouched. */
export function isPerfect(setting: LinkSetting): boolean {
  return formatLink(setting) === 'perfect'
}

/** The text of a term's value: `50ms`, `5%`, `20mbit`, `64kB`. */
export function formatValue(value: number, { unit }: LinkTerm): string {
  switch (unit) {
    case 'ms': return `${value}ms`
    case 'part': return `${Number((value * 100).toPrecision(DIGITS))}%`
    case 'count': return String(value)
    case 'rate': return inUnit(value, RATE_UNITS, 1000)
    case 'bytes': return inUnit(value, BYTE_UNITS, 1)
  }
}

/** Significant digits of a number; those after them are artifacts of binary fractions. */
const DIGITS = 12
type Units = readonly (readonly [suffix: string, factor: number])[]
const TIME_UNITS: Units = [['ms', 1], ['s', 1000], ['', 1]]
const PART_UNITS: Units = [['%', 0.01], ['', 1]]
const COUNT_UNITS: Units = [['', 1]]
const RATE_UNITS: Units = [['gbit', 1e9], ['mbit', 1e6], ['kbit', 1000], ['bit', 1]]
const BYTE_UNITS: Units = [['MB', 1e6], ['kB', 1000], ['', 1], ['B', 1]]
const UNITS_OF: Readonly<Record<LinkTerm['unit'], Units>> = { ms: TIME_UNITS, part: PART_UNITS, count: COUNT_UNITS, rate: RATE_UNITS, bytes: BYTE_UNITS }
const EXAMPLES: Readonly<Record<LinkTerm['unit'], string>> = { ms: '50ms or 0.3s', part: '5%', count: '8', rate: '20mbit or 240kbit', bytes: '64kB' }

function parseWords(words: readonly string[], base: LinkSetting): LinkSetting {
  const seen = new Set<string>()
  return words.reduce((setting, word) => {
    const [name = '', value] = word.split('=', 2)
    if (value === undefined) throw new UsageError(`"${word}" is not a link condition`, 'it is neither a preset nor a condition with a value', `write a preset (${[...presets.keys()].join(', ')}) or conditions such as "loss=5% delay=50ms"`)
    if (seen.has(name)) throw new UsageError(`"${word}" is not accepted`, `"${name}" is given twice`, 'give it once')
    seen.add(name)
    return withWord(setting, name, value)
  }, base)
}

function withWord(setting: LinkSetting, name: string, value: string): LinkSetting {
  if (name === 'direction') return { ...setting, direction: parseDirection(value) }
  if (name === 'seed') return { ...setting, seed: parseSeed(value) }
  const term = terms.get(name)
  if (term === undefined) throw new UsageError(`"${name}" is not a link condition`, 'there is no condition with that name', `use one of ${[...terms.keys(), 'direction', 'seed'].join(', ')}`)
  return { ...setting, conditions: { ...setting.conditions, [term.condition]: parseValue(name, value, term) } }
}

function parseDirection(value: string): LinkDirection {
  const direction = LINK_DIRECTIONS.find(known => known === value)
  if (direction === undefined) throw new UsageError(`"${value}" is not a direction of a link`, 'conditions apply to one direction or both', `write direction=${LINK_DIRECTIONS.join('|')}`)
  return direction
}

function parseSeed(value: string): number {
  if (!/^\d{1,10}$/.test(value) || Number(value) > 0xffffffff) throw new UsageError(`seed=${value} is not accepted`, 'a seed is a whole number of at most 32 bits', 'write a number such as seed=7')
  return Number(value)
}

function parseValue(name: string, text: string, { unit, minimum, maximum }: LinkTerm): number {
  const [, digits = '', suffix = ''] = /^(\d{1,12}(?:\.\d{1,6})?)([a-z%]*)$/i.exec(text) ?? []
  const factor = UNITS_OF[unit].find(([known]) => known.toLowerCase() === suffix.toLowerCase())?.[1]
  if (digits === '' || factor === undefined) throw new UsageError(`${name}=${text} is not accepted`, 'the value is not a number with a known unit', `write ${name}=${EXAMPLES[unit]}`)
  const value = Number((Number(digits) * factor).toPrecision(DIGITS)) // otherwise 7% would be 0.07000000000000001
  if (value < minimum || value > maximum) throw new UsageError(`${name}=${text} is not accepted`, `the value is not between ${formatValue(minimum, { ...LINK_TERMS.delay, unit })} and ${formatValue(maximum, { ...LINK_TERMS.delay, unit })}`, `write ${name}=${EXAMPLES[unit]}`)
  return value
}

/** The value in the largest unit of which it is a multiple, or a multiple of 1/parts. @param parts 1000 allows three decimals */
function inUnit(value: number, units: Units, parts: number): string {
  const [suffix, factor] = units.find(([, size]) => value >= size && Number.isInteger(value / size * parts)) ?? ['', 1]
  return `${value / factor}${suffix}`
}
