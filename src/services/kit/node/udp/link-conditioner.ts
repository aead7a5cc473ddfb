/** Controls the simulated links of a service's doors, for all paths or for one, and can change them while they run. */
import type { Path } from '../../endpoint.ts'
import type { LinkCounts } from '../../link.ts'
import { isPerfect, PERFECT_SETTING, type LinkSetting } from '../../link-text.ts'
import type { Clock } from '../clock.ts'
import { openConditionedDoor, pathKey, type ConditionedDoor, type LinkRules } from './conditioned-door.ts'
import type { DatagramDoor, DoorOptions } from './door.ts'

/** The most paths with conditions of their own; one more replaces the oldest. */
const OWN_MAX = 1024

export class LinkConditioner implements LinkRules {
  #setting: LinkSetting
  #areOff: boolean
  readonly #own = new Map<string, LinkSetting>()
  readonly #doors = new Set<ConditionedDoor>()
  #number = 0

  constructor(setting: LinkSetting = PERFECT_SETTING) {
    this.#setting = setting
    this.#areOff = isPerfect(setting)
  }

  /** The conditions of every path without its own, including new ones. */
  get setting(): LinkSetting {
    return this.#setting
  }

  get areOff(): boolean {
    return this.#areOff
  }

  settingOf(path: Path): LinkSetting {
    return this.#own.get(pathKey(path)) ?? this.#setting
  }

  nextNumber(): number {
    return this.#number++
  }

  /** Sets the conditions of all paths, including new ones, and drops those of single paths. */
  set(setting: LinkSetting): void {
    this.#setting = setting
    this.#own.clear()
    this.#number = 0
    this.#changed()
  }

  /** Sets the conditions of one path; undefined returns it to those of all. */
  setFor(path: Path, setting: LinkSetting | undefined): void {
    const name = pathKey(path)
    if (!this.#own.delete(name) && setting === undefined) return
    if (setting !== undefined) this.#own.set(name, setting)
    for (const first of this.#own.keys()) {
      if (this.#own.size <= OWN_MAX) break
      this.#own.delete(first)
    }
    this.#changed()
  }

  /** What happened to the datagrams of a path, in whichever door; undefined if none was conditioned. */
  counts(path: Path): { readonly out: LinkCounts; readonly in: LinkCounts } | undefined {
    for (const door of this.#doors) {
      const counts = door.counts(path)
      if (counts !== undefined) return counts
    }
    return undefined
  }

  /** Opens a door whose datagrams pass through these links. @throws as `open` */
  async open(options: DoorOptions, clock: Clock, open: (options: DoorOptions) => Promise<DatagramDoor>): Promise<DatagramDoor> {
    const door = await openConditionedDoor(options, this, clock, open)
    this.#doors.add(door)
    return door
  }

  forget(door: ConditionedDoor): void {
    this.#doors.delete(door)
  }

  #changed(): void {
    this.#areOff = isPerfect(this.#setting) && [...this.#own.values()].every(isPerfect)
    for (const door of this.#doors) door.changed()
  }
}
