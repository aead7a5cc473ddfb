/** Tells those who listen what was not taken, and not a thousand times where somebody sends a thousand such things. */
import type { ServiceContext } from '../kit/node/service.ts'
import type { dns } from './contract.ts'
import { TokenBuckets } from './core/admin/token-buckets.ts'

export interface Refusal {
  readonly client: string
  readonly asked: string
  readonly why: string
}

export class Refusals {
  readonly #told = new TokenBuckets({ tokens: 50, tokensPerSecond: 5 })
  private readonly context: Pick<ServiceContext<typeof dns>, 'clock' | 'trace' | 'emit'>

  constructor(context: Pick<ServiceContext<typeof dns>, 'clock' | 'trace' | 'emit'>) {
    this.context = context
  }

  tell({ client, asked, why }: Refusal): void {
    const { trace, clock, emit } = this.context
    const nowMs = clock.nowMs()
    if (this.#told.take('all', nowMs) !== 'granted') return
    trace.event('dns', { event: 'refused', client, asked, why }, nowMs)
    emit('refused', { client, asked, why })
  }
}
