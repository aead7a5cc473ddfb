/** Tells which private addresses were taken out of answers, and not a thousand times where a client asks for a thousand such names. */
import type { ServiceContext } from '../kit/node/service.ts'
import type { dns } from './contract.ts'
import { TokenBuckets } from './core/admin/token-buckets.ts'
import type { DnsEvent } from './core/answering/server.ts'

export class FilteredAnswers {
  /** A line in the log for each: a handful at once, and then a few a minute. */
  readonly #told = new TokenBuckets({ tokens: 20, tokensPerSecond: 0.2 })
  private readonly context: Pick<ServiceContext<typeof dns>, 'clock' | 'trace' | 'emit' | 'log'>

  constructor(context: Pick<ServiceContext<typeof dns>, 'clock' | 'trace' | 'emit' | 'log'>) {
    this.context = context
  }

  tell({ qname, data, upstream }: Extract<DnsEvent, { name: 'filtered' }>): void {
    const { clock, trace, emit, log } = this.context
    const nowMs = clock.nowMs()
    if (this.#told.take('all', nowMs) !== 'granted') return
    trace.event('dns', { event: 'filtered', qname, data, upstream }, nowMs)
    emit('filtered', { qname, data, upstream })
    log(`${upstream} says that ${qname} is ${data}, an address of a private network; that was taken out (--allow_private ${qname} lets it in)`)
  }
}
