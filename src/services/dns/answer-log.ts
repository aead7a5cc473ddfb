/**
 * Reports answers as events: the first of each second individually, the
 * rest in one summary per second (core/answering/query-log.ts).
 */
import { formatEndpoint } from '../kit/endpoint.ts'
import type { ServiceContext } from '../kit/node/service.ts'
import type { dns } from './contract.ts'
import { QueryLog } from './core/answering/query-log.ts'
import type { AnsweredEvent } from './core/answering/server.ts'
import { formatRcode, formatType } from './wire/types.ts'

export class AnswerLog {
  readonly #queryLog = new QueryLog()
  #cancelSum: (() => void) | undefined
  private readonly context: Pick<ServiceContext<typeof dns>, 'clock' | 'trace' | 'emit'>

  constructor(context: Pick<ServiceContext<typeof dns>, 'clock' | 'trace' | 'emit'>) {
    this.context = context
  }

  /** Counts an answer. @returns whether to `report` it */
  answered(): boolean {
    this.#sumLater()
    return this.#queryLog.answered()
  }

  report({ name, question, rcode, source, path, tookMs }: AnsweredEvent): void {
    const answered = { qname: question.name, qtype: formatType(question.type), rcode: formatRcode(rcode), source, client: formatEndpoint(path.peer), tookMs }
    this.context.trace.event('dns', { event: name, ...answered }, this.context.clock.nowMs())
    this.context.emit('answered', answered)
  }

  /** Counts a query over its client's rate limit. */
  limited(): void {
    this.#sumLater()
    this.#queryLog.limited()
  }

  stop(): void {
    this.#cancelSum?.()
  }

  #sumLater(): void {
    if (this.#cancelSum !== undefined) return
    const { clock, trace, emit } = this.context
    this.#cancelSum = clock.wakeAt(clock.nowMs() + 1000, () => {
      this.#cancelSum = undefined
      const counts = this.#queryLog.sum()
      if (counts === undefined) return
      trace.event('dns', { event: 'counted', ...counts }, clock.nowMs())
      emit('counted', counts)
    })
  }
}
