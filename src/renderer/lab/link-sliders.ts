/** The conditions of a link as sliders: which there are, and the few values of each that show something. */
import { formatBytes } from '../../services/kit/amounts.ts'
import type { LinkConditions } from '../../services/kit/link.ts'
import { formatValue, isPerfect, LINK_TERMS, type LinkSetting, type LinkTermName } from '../../services/kit/link-text.ts'

export interface LinkSlider {
  readonly term: LinkTermName
  readonly label: string
  readonly stops: readonly number[]
  /** What a value says that is not its number. */
  readonly words?: Readonly<Record<number, string>>
}

const percents = [0, 0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1]
const times = [0, 1, 2, 5, 10, 20, 30, 50, 80, 100, 150, 200, 280, 400, 600, 1000]
const rates = [64e3, 128e3, 240e3, 500e3, 1e6, 2e6, 4e6, 8e6, 16e6, 20e6, 50e6, 100e6, 1e9]

export const mainSliders: readonly LinkSlider[] = [
  { term: 'delay', label: 'Delay, one way', stops: times, words: { 0: 'none' } },
  { term: 'loss', label: 'Loss', stops: percents, words: { 0: 'none' } },
  { term: 'rate', label: 'Rate', stops: [...rates, 0], words: { 0: 'unlimited' } },
  { term: 'queue', label: 'Queue before the rate', stops: [4e3, 8e3, 16e3, 32e3, 64e3, 128e3, 256 * 1024, 512e3, 1e6, 4e6] },
  { term: 'jitter', label: 'Jitter', stops: times, words: { 0: 'none' } },
]

export const moreSliders: readonly LinkSlider[] = [
  { term: 'burst', label: 'Lost in a row, on average', stops: [1, 2, 3, 4, 6, 8, 12, 16, 32] },
  { term: 'reordering', label: 'Reordered', stops: percents, words: { 0: 'none' } },
  { term: 'hold', label: 'Held back by', stops: times, words: { 0: 'nothing' } },
  { term: 'duplication', label: 'Arrive twice', stops: percents, words: { 0: 'none' } },
  { term: 'corruption', label: 'Damaged', stops: percents, words: { 0: 'none' } },
  { term: 'mtu', label: 'Longest packet', stops: [576, 1280, 1500, 9000, 0], words: { 576: '576 bytes', 1280: '1280 bytes', 1500: '1500 bytes', 9000: '9000 bytes', 0: 'any' } },
]

/** The stop that is nearest to a value; the value itself may lie between two. */
export function placeOf({ term, stops }: LinkSlider, { conditions }: LinkSetting): number {
  const value = conditions[LINK_TERMS[term].condition]
  const exact = stops.indexOf(value)
  if (exact >= 0) return exact
  return stops.reduce((best, stop, place) => Math.abs(stop - value) < Math.abs((stops[best] ?? 0) - value) ? place : best, 0)
}

/** What the slider's value says: "50 ms", "5 %", "20 Mbit/s", "unlimited". */
export function textOf({ term, words }: LinkSlider, { conditions }: LinkSetting): string {
  const value = conditions[LINK_TERMS[term].condition]
  const { unit } = LINK_TERMS[term]
  if (words?.[value] !== undefined) return words[value]
  return unit === 'bytes' ? formatBytes(value) : formatValue(value, LINK_TERMS[term]).replace(/[a-z%]+$/, suffix => ` ${SPELT[suffix] ?? suffix}`)
}

const SPELT: Readonly<Record<string, string>> = { kbit: 'kbit/s', mbit: 'Mbit/s', gbit: 'Gbit/s' }

/**
 * The setting after a slider was moved. A link that did nothing becomes one of Ethernet's length with it: between two programs of one
 * machine datagrams may have 60 KB, and one of those is half of what there is to see.
 */
export function moved({ term, stops }: LinkSlider, place: number, setting: LinkSetting): LinkSetting {
  const base = isPerfect(setting) ? { ...setting, conditions: { ...setting.conditions, ...ETHERNET } } : setting
  const value = stops[place]
  return value === undefined ? setting : { ...base, conditions: { ...base.conditions, [LINK_TERMS[term].condition]: value } }
}

const ETHERNET = { mtuBytes: 1500, overheadBytes: 28 } satisfies Partial<LinkConditions>
