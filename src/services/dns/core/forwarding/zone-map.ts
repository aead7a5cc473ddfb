/**
 * Maps zones to values. A value applies to the zone and all names below
 * it, except below a more specific zone: the longest match wins.
 */
import { labelsOf, nameKey, ROOT } from '../../wire/name.ts'

export interface ZoneMatch<Value> {
  /** The zone's name as given to `set`. */
  readonly zone: string
  readonly value: Value
}

export class ZoneMap<Value> {
  readonly #zones = new Map<string, ZoneMatch<Value>>()
  /** Label count of the deepest zone: longer suffixes of a name need no lookup. */
  #labelsMax = 0

  set(zone: string, value: Value): void {
    this.#zones.set(nameKey(zone), { zone, value })
    this.#labelsMax = Math.max(this.#labelsMax, labelsOf(zone).length)
  }

  /** The value set for exactly this zone. */
  exactly(zone: string): Value | undefined {
    return this.#zones.get(nameKey(zone))?.value
  }

  /** The match for a name; undefined if no zone contains it. */
  longestMatch(name: string): ZoneMatch<Value> | undefined {
    const labels = labelsOf(nameKey(name))
    for (let at = Math.max(0, labels.length - this.#labelsMax); at < labels.length; at++) {
      const match = this.#zones.get(labels.slice(at).join('.'))
      if (match !== undefined) return match
    }
    return this.#zones.get(ROOT)
  }
}
