/**
 * The links of a service's doors in one hand: what they do to everybody's datagrams, and to those of one peer, changed while they run.
 */
import { formatEndpoint, type Endpoint } from '../../endpoint.ts'
import type { LinkCounts } from '../../link.ts'
import { isPerfect, PERFECT_SETTING, type LinkSetting } from '../../link-text.ts'
import type { Clock } from '../clock.ts'
import { openConditionedDoor, type ConditionedDoor, type LinkRules } from './conditioned-door.ts'
import type { DatagramDoor, DoorOptions } from './door.ts'

/** Peers with conditions of their own; one more takes the place of the first. */
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

  /** Of every peer that has none of its own, those to come included. */
  get setting(): LinkSetting {
    return this.#setting
  }

  get areOff(): boolean {
    return this.#areOff
  }

  settingOf(peer: Endpoint): LinkSetting {
    return this.#own.get(formatEndpoint(peer)) ?? this.#setting
  }

  nextNumber(): number {
    return this.#number++
  }

  /** Conditions for all peers, those to come included; what one had of its own is gone. */
  set(setting: LinkSetting): void {
    this.#setting = setting
    this.#own.clear()
    this.#number = 0
    this.#changed()
  }

  /** Conditions for one peer alone; undefined: those of all. */
  setFor(peer: Endpoint, setting: LinkSetting | undefined): void {
    const name = formatEndpoint(peer)
    this.#own.delete(name)
    if (setting !== undefined) this.#own.set(name, setting)
    for (const first of this.#own.keys()) {
      if (this.#own.size <= OWN_MAX) break
      this.#own.delete(first)
    }
    this.#changed()
  }

  /** What happened to the datagrams of a peer, by whichever door; undefined where none was conditioned. */
  counts(peer: Endpoint): { readonly out: LinkCounts; readonly in: LinkCounts } | undefined {
    for (const door of this.#doors) {
      const counts = door.counts(peer)
      if (counts !== undefined) return counts
    }
    return undefined
  }

  /** Opens a door whose datagrams go through these links. @throws as `open` */
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
