/**
 * Reports private addresses that were removed from answers, rate-limited
 * so that a flood of such names does not flood the log.
 */
import type { ServiceContext } from '../kit/node/service.ts'
import type { dns } from './contract.ts'
import { TokenBuckets } from './core/admin/token-buckets.ts'
import type { DnsEvent } from './core/answering/server.ts'

export class FilteredAnswers {
  /** Limits the lines in the log: 20 at once, then one every 5 s. */
  readonly #reported = new TokenBuckets({ tokens: 20, tokensPerSecond: 0.2 })
  private readonly context: Pick<ServiceContext<typeof dns>, 'clock' | 'trace' | 'emit' | 'log'>

  constructor(context: Pick<ServiceContext<typeof dns>, 'clock' | 'trace' | 'emit' | 'log'>) {
    this.context = context
  }

  report({ qname, data, upstream }: Extract<DnsEvent, { name: 'filtered' }>): void {
    const { clock, trace, emit, log } = this.context
    const nowMs = clock.nowMs()
    if (this.#reported.take('all', nowMs) !== 'granted') return
    trace.event('dns', { event: 'filtered', qname, data, upstream }, nowMs)
    emit('filtered', { qname, data, upstream })
    log(`${upstream} says that ${qname} is ${data}, an address of a private network; it was removed from the answer (--allow_private ${qname} keeps it)`)
  }
}
