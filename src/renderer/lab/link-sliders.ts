/** The sliders for a link's conditions, each with a few values that make a visible difference. */
import { formatBytes } from '../../services/kit/amounts.ts'
import type { LinkConditions } from '../../services/kit/link.ts'
import { formatValue, isPerfect, LINK_TERMS, type LinkSetting, type LinkTermName } from '../../services/kit/link-text.ts'

export interface LinkSlider {
  readonly term: LinkTermName
  readonly label: string
  readonly stops: readonly number[]
  /** Values that are shown as a word, not as a number. */
  readonly words?: Readonly<Record<number, string>>
}

const percents = [0, 0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1]
const times = [0, 1, 2, 5, 10, 20, 30, 50, 80, 100, 150, 200, 280, 400, 600, 1000]
const rates = [64e3, 128e3, 240e3, 500e3, 1e6, 2e6, 4e6, 8e6, 16e6, 20e6, 50e6, 100e6, 1e9]

export const mainSliders: readonly LinkSlider[] = [
  { term: 'delay', label: 'Delay, one way', stops: times, words: { 0: 'none' } },
  { term: 'loss', label: 'Loss', stops: percents, words: { 0: 'none' } },
  { term: 'rate', label: 'Rate', stops: [...rates, 0], words: { 0: 'unlimited' } },
  { term: 'queue', label: 'Queue before rate limit', stops: [4e3, 8e3, 16e3, 32e3, 64e3, 128e3, 256 * 1024, 512e3, 1e6, 4e6] },
  { term: 'jitter', label: 'Jitter', stops: times, words: { 0: 'none' } },
]

export const moreSliders: readonly LinkSlider[] = [
  { term: 'burst', label: 'Average loss burst', stops: [1, 2, 3, 4, 6, 8, 12, 16, 32] },
  { term: 'reordering', label: 'Reordered', stops: percents, words: { 0: 'none' } },
  { term: 'hold', label: 'Reordering delay', stops: times, words: { 0: 'none' } },
  { term: 'duplication', label: 'Duplicated', stops: percents, words: { 0: 'none' } },
  { term: 'corruption', label: 'Corrupted', stops: percents, words: { 0: 'none' } },
  { term: 'mtu', label: 'Largest packet (MTU)', stops: [576, 1280, 1500, 9000, 0], words: { 576: '576 bytes', 1280: '1280 bytes', 1500: '1500 bytes', 9000: '9000 bytes', 0: 'any' } },
]

/** Index of the stop nearest to the value, which may lie between two. */
export function placeOf({ term, stops }: LinkSlider, { conditions }: LinkSetting): number {
  const value = conditions[LINK_TERMS[term].condition]
  const exact = stops.indexOf(value)
  if (exact >= 0) return exact
  return stops.reduce((best, stop, place) => Math.abs(stop - value) < Math.abs((stops[best] ?? 0) - value) ? place : best, 0)
}

/** The slider's value as text: "50 ms", "5 %", "20 Mbit/s", "unlimited". */
export function textOf({ term, words }: LinkSlider, { conditions }: LinkSetting): string {
  const value = conditions[LINK_TERMS[term].condition]
  const { unit } = LINK_TERMS[term]
  if (words?.[value] !== undefined) return words[value]
  return unit === 'bytes' ? formatBytes(value) : formatValue(value, LINK_TERMS[term]).replace(/[a-z%]+$/, suffix => ` ${UNITS[suffix] ?? suffix}`)
}

const UNITS: Readonly<Record<string, string>> = { kbit: 'kbit/s', mbit: 'Mbit/s', gbit: 'Gbit/s' }

/**
 * The setting after a slider is moved. A perfect link also gets Ethernet's MTU: between two programs on one machine datagrams
 * may be 60 KB long, and then there are too few packets to see anything.
 */
export function moved({ term, stops }: LinkSlider, place: number, setting: LinkSetting): LinkSetting {
  const base = isPerfect(setting) ? { ...setting, conditions: { ...setting.conditions, ...ETHERNET } } : setting
  const value = stops[place]
  return value === undefined ? setting : { ...base, conditions: { ...base.conditions, [LINK_TERMS[term].condition]: value } }
}

const ETHERNET = { mtuBytes: 1500, overheadBytes: 28 } satisfies Partial<LinkConditions>
