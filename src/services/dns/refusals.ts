/** Reports refused requests as events, rate-limited so that a flood of them does not become a flood of events. */
import type { ServiceContext } from '../kit/node/service.ts'
import type { dns } from './contract.ts'
import { TokenBuckets } from './core/admin/token-buckets.ts'

export interface Refusal {
  readonly client: string
  readonly asked: string
  readonly why: string
}

export class Refusals {
  readonly #reported = new TokenBuckets({ tokens: 50, tokensPerSecond: 5 })
  private readonly context: Pick<ServiceContext<typeof dns>, 'clock' | 'trace' | 'emit'>

  constructor(context: Pick<ServiceContext<typeof dns>, 'clock' | 'trace' | 'emit'>) {
    this.context = context
  }

  report({ client, asked, why }: Refusal): void {
    const { trace, clock, emit } = this.context
    const nowMs = clock.nowMs()
    if (this.#reported.take('all', nowMs) !== 'granted') return
    trace.event('dns', { event: 'refused', client, asked, why }, nowMs)
    emit('refused', { client, asked, why })
  }
}
