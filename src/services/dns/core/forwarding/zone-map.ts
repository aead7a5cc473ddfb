/** Things that hold for a zone and all below it, unless a deeper zone says otherwise: the longest match wins. */
import { labelsOf, nameKey, ROOT } from '../../wire/name.ts'

export interface ZoneMatch<Value> {
  /** The zone's name as it was set. */
  readonly zone: string
  readonly value: Value
}

export class ZoneMap<Value> {
  readonly #zones = new Map<string, ZoneMatch<Value>>()
  /** Labels of the deepest zone: longer ends of a name need not be looked up. */
  #labelsMax = 0

  set(zone: string, value: Value): void {
    this.#zones.set(nameKey(zone), { zone, value })
    this.#labelsMax = Math.max(this.#labelsMax, labelsOf(zone).length)
  }

  /** What was set for this zone itself. */
  exactly(zone: string): Value | undefined {
    return this.#zones.get(nameKey(zone))?.value
  }

  /** What holds for a name; undefined where no zone is set for it, nor the root. */
  longestMatch(name: string): ZoneMatch<Value> | undefined {
    const labels = labelsOf(nameKey(name))
    for (let at = Math.max(0, labels.length - this.#labelsMax); at < labels.length; at++) {
      const match = this.#zones.get(labels.slice(at).join('.'))
      if (match !== undefined) return match
    }
    return this.#zones.get(ROOT)
  }
}
