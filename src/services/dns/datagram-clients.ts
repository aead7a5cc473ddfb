/**
 * Clients over UDP, a batch of datagrams at a time: each query is checked against its client's rate limit, answered in place if
 * its response is in the packet cache (core/answering/packet-cache.ts), and otherwise passed to the machine.
 */
import type { Clock } from '../kit/node/clock.ts'
import { REPLY_BYTES_MAX, type DatagramBatch } from '../kit/node/udp/door.ts'
import type { AnswerLog } from './answer-log.ts'
import { truncatedAnswer, type ClientLimit } from './core/answering/client-limit.ts'
import type { DnsServer } from './core/answering/server.ts'
import { decodeMessage } from './wire/message.ts'

export interface DatagramClientsOptions {
  readonly machine: DnsServer
  readonly limit: ClientLimit
  readonly answerLog: AnswerLog
  readonly clock: Clock
  /** Whether an address is this machine's: local clients are not limited. */
  readonly isOwnAddress: (address: string) => boolean
  /** Called after a batch, to drain the machine's outbox. */
  readonly drain: () => void
}

export class DatagramClients {
  private readonly options: DatagramClientsOptions

  constructor(options: DatagramClientsOptions) {
    this.options = options
  }

  receive(batch: DatagramBatch): void {
    const { machine, answerLog, clock, drain } = this.options
    const nowMs = clock.nowMs()
    let forMachine = 0
    for (let index = 0; index < batch.count; index++) {
      const offset = batch.offsets[index] ?? 0
      const length = batch.lengths[index] ?? 0
      if (this.#isLimited(batch, index, nowMs)) continue
      const answerBytes = machine.answerAtOnce(batch.slab, offset, length, batch.replies, index * REPLY_BYTES_MAX, REPLY_BYTES_MAX, nowMs)
      if (answerBytes > 0) {
        batch.replyLengths[index] = answerBytes
        if (answerLog.answered()) this.#report(batch, index)
        continue
      }
      machine.receive(batch.slab.subarray(offset, offset + length), batch.path(index), nowMs)
      forMachine++
    }
    if (forMachine > 0) drain()
  }

  #isLimited(batch: DatagramBatch, index: number, nowMs: number): boolean {
    const { limit, answerLog, isOwnAddress } = this.options
    const addressHash = batch.peerHash(index)
    const verdict = limit.judge(addressHash, nowMs)
    if (verdict === 'answer') return false
    if (isOwnAddress(batch.path(index).peer.address)) {
      limit.exempt(addressHash)
      return false
    }
    answerLog.limited()
    if (verdict === 'truncate') batch.replyLengths[index] = truncatedAnswer(batch.slab, batch.offsets[index] ?? 0, batch.lengths[index] ?? 0, batch.replies, index * REPLY_BYTES_MAX)
    return true
  }

  /** Reports the event that the machine would have emitted. */
  #report(batch: DatagramBatch, index: number): void {
    const at = index * REPLY_BYTES_MAX
    const { header, questions: [question] } = decodeMessage(batch.replies.subarray(at, at + (batch.replyLengths[index] ?? 0)))
    if (question === undefined) return
    this.options.answerLog.report({
      name: 'answered', question, rcode: header.rcode, source: header.aa ? 'zone' : 'cache', path: batch.path(index), tookMs: 0,
    })
  }
}
