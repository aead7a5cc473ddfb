/**
 * Changes of the zone, in an order in which each decision holds: what was decided by what the zone has (an update's conditions,
 * whose name it is) is made before anything else changes. Plain changes go together, so that the journal can group them.
 *
 *     change  change  decide  change  decide
 *     └──together──┘  └alone┘ └─────┘ └alone┘
 */
import { HamletError } from '../kit/errors.ts'
import type { ZoneChange } from './core/zone/zone-change.ts'

/** Beyond, changes are refused and may be sent again. */
export const WAITING_MAX = 10_000

export class ChangeQueue {
  /** Settles when the last decision is done with. */
  #decided: Promise<unknown> = Promise.resolve()
  /** The plain changes since that are not done. */
  #together = new Set<Promise<unknown>>()
  #waiting = 0
  private readonly make: (change: ZoneChange) => Promise<void>

  /** @param make returns when the change is safe on disk and in the zone */
  constructor(make: (change: ZoneChange) => Promise<void>) {
    this.make = make
  }

  /** @throws as `make`; HamletError refused where too many wait */
  async change(change: ZoneChange): Promise<void> {
    const done = this.#enter(this.#decided, () => this.make(change))
    const together = this.#together
    const settled = done.then(() => undefined, () => undefined)
    together.add(settled)
    void settled.then(() => together.delete(settled))
    return done
  }

  /**
   * @param decide is called when all changes before are made. What it throws is thrown on; undefined: no change
   * @throws as `make`; HamletError refused where too many wait
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
      throw new HamletError({ code: 'refused', what: 'The change was not taken', why: `${WAITING_MAX} others wait for the disk`, remedy: 'send it again later' })
    }
    this.#waiting++
    return before.then(work).finally(() => { this.#waiting-- })
  }
}
