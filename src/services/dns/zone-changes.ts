/**
 * The path of every zone change: ordered, made durable, then shown in the
 * table, emitted as an event and announced to the secondaries.
 */
import { HamletError, UsageError } from '../kit/errors.ts'
import type { ServiceContext } from '../kit/node/service.ts'
import { ChangeQueue } from './change-queue.ts'
import type { dns } from './contract.ts'
import { decideUpdate } from './core/admin/update.ts'
import { partsOfChange, type ZoneChange } from './core/zone/zone-change.ts'
import type { NamesTable } from './names-table.ts'
import { RCODE } from './wire/types.ts'
import type { Message } from './wire/message.ts'
import type { ZoneStore } from './zone-store.ts'

export interface ZoneChangesOptions {
  readonly store: ZoneStore
  readonly table: NamesTable
  readonly context: Pick<ServiceContext<typeof dns>, 'emit' | 'log'>
  /** Called after each change. */
  readonly onChanged: () => void
}

export class ZoneChanges {
  readonly #queue: ChangeQueue
  private readonly options: ZoneChangesOptions

  constructor(options: ZoneChangesOptions) {
    this.options = options
    this.#queue = new ChangeQueue(change => this.#make(change))
  }

  /**
   * Returns when the change is durable and in the zone.
   * @throws UsageError if it is not possible, HamletError if the disk fails or too many changes are waiting
   */
  change(change: ZoneChange): Promise<void> {
    return this.#queue.change(change)
  }

  /** The same for a change that depends on the zone's state after all earlier changes. */
  decide(decide: () => ZoneChange | undefined): Promise<void> {
    return this.#queue.decide(decide)
  }

  /** Makes a dynamic update. @returns the response code, once everything is durable */
  async update(message: Message): Promise<number> {
    let rcode: number = RCODE.SERVFAIL
    try {
      await this.decide(() => {
        const decision = decideUpdate(message, this.options.store.zone)
        rcode = decision.rcode
        return decision.update
      })
      return rcode
    } catch (error) {
      if (!(error instanceof HamletError)) throw error
      return error instanceof UsageError ? RCODE.REFUSED : RCODE.SERVFAIL
    }
  }

  async #make(change: ZoneChange): Promise<void> {
    const { store, table, context, onChanged } = this.options
    const made = await store.change(change)
    if (made === undefined) return
    const parts = partsOfChange(made)
    for (const name of new Set(parts.map(part => part.name))) table.showRegistered(name, store.zone.recordsOf(name))
    for (const part of parts) {
      if (part.change === 'register') context.emit('registered', { name: part.name, type: part.type, rdata: part.rdata })
      else context.emit('unregistered', { name: part.name, ...(part.type === undefined ? {} : { type: part.type }) })
    }
    onChanged()
  }
}
