/**
 * Orders the changes of the zone so that decisions stay valid: a change that depends on the zone's state (an update's
 * prerequisites, the owner of a name) runs alone, before anything else changes. Other changes run concurrently, so that the
 * journal can commit them as a group.
 *
 *     change  change  decide  change  decide
 *     └─concurrent─┘  └alone┘ └─────┘ └alone┘
 */
import { HamletError } from '../kit/errors.ts'
import type { ZoneChange } from './core/zone/zone-change.ts'

/** Beyond this, changes are refused; clients may retry. */
export const WAITING_MAX = 10_000

export class ChangeQueue {
  /** Settles when the last decision has finished. */
  #decided: Promise<unknown> = Promise.resolve()
  /** The pending changes since then. */
  #together = new Set<Promise<unknown>>()
  #waiting = 0
  private readonly make: (change: ZoneChange) => Promise<void>

  /** @param make returns when the change is durable and in the zone */
  constructor(make: (change: ZoneChange) => Promise<void>) {
    this.make = make
  }

  /** @throws whatever `make` throws; HamletError refused if too many are waiting */
  async change(change: ZoneChange): Promise<void> {
    const done = this.#enter(this.#decided, () => this.make(change))
    const together = this.#together
    const settled = done.then(() => undefined, () => undefined)
    together.add(settled)
    void settled.then(() => together.delete(settled))
    return done
  }

  /**
   * @param decide called after all earlier changes; may throw, or return undefined for no change
   * @throws whatever `decide` or `make` throws; HamletError refused if too many are waiting
   */
  async decide(decide: () => ZoneChange | undefined): Promise<void> {
    const done = this.#enter(Promise.all([this.#decided, ...this.#together]), () => {
      const change = decide()
      return change === undefined ? Promise.resolve() : this.make(change)
    })
    this.#decided = done.catch(() => undefined)
    this.#together = new Set()
    return done
  }

  #enter(before: Promise<unknown>, work: () => Promise<void>): Promise<void> {
    if (this.#waiting >= WAITING_MAX) {
      throw new HamletError({ code: 'refused', what: 'The change was rejected', why: `${WAITING_MAX} others are waiting for the disk`, remedy: 'send it again later' })
    }
    this.#waiting++
    return before.then(work).finally(() => { this.#waiting-- })
  }
}
