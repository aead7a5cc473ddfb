/**
 * Leases of networks that are not served now, such as those of a laptop that is elsewhere or of an interface that is down: they end
 * when their time is over, and their clients are remembered until the network is served again.
 */
import { parseIpv4 } from '../../kit/ip-address.ts'
import { bindingOf, type Binding, type LeaseRecord } from './binding.ts'

const RECORDS_MAX = 65_536

export class ForeignRecords {
  /** By address, the latest last. */
  readonly #records = new Map<string, LeaseRecord>()
  /** When the first of them ends, or earlier. */
  #endsAtMs = Infinity

  /** Beyond 65,536 the oldest is forgotten. */
  keep(record: LeaseRecord): void {
    this.#records.delete(record.yiaddr)
    this.#records.set(record.yiaddr, record)
    if (this.#records.size > RECORDS_MAX) this.#records.delete(this.#records.keys().next().value ?? '')
    if (record.state !== 'released') this.#endsAtMs = Math.min(this.#endsAtMs, record.expiresAtMs)
  }

  /** Ends what is over at `nowMs`; returns the leases among that. */
  expire(nowMs: number): Binding[] {
    if (nowMs < this.#endsAtMs) return []
    const ended: Binding[] = []
    this.#endsAtMs = Infinity
    for (const record of this.#records.values()) {
      if (record.state === 'released') continue
      if (record.expiresAtMs > nowMs) this.#endsAtMs = Math.min(this.#endsAtMs, record.expiresAtMs)
      else if (record.state === 'declined') this.#records.delete(record.yiaddr)
      else {
        ended.push(bindingOf(record, parseIpv4(record.yiaddr) ?? 0))
        this.#records.set(record.yiaddr, { ...record, state: 'released', expiresAtMs: 0 })
      }
    }
    return ended
  }

  /** When `expire` has something to do, or earlier. */
  deadlineMs(): number {
    return this.#endsAtMs
  }

  /** The clock was set: every lease lasts as long as it was to last. */
  shift(byMs: number): void {
    this.#endsAtMs += byMs
    for (const record of this.#records.values()) if (record.state !== 'released') this.#records.set(record.yiaddr, { ...record, expiresAtMs: record.expiresAtMs + byMs })
  }

  leased(): Binding[] {
    return this.records().filter(({ state }) => state === 'leased').map(record => bindingOf(record, parseIpv4(record.yiaddr) ?? 0))
  }

  records(): LeaseRecord[] {
    return [...this.#records.values()]
  }
}
