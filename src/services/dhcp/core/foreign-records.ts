/**
 * Journal records of networks that are not served now, because the laptop is elsewhere or an interface is down. The
 * leases still expire, and their clients are remembered until the network is served again.
 */
import { parseIpv4 } from '../../kit/ip-address.ts'
import { bindingOf, type Binding, type LeaseRecord } from './binding.ts'

const RECORDS_MAX = 65_536

export class ForeignRecords {
  /** By address, the most recent last. */
  readonly #records = new Map<string, LeaseRecord>()
  /** When the first of them ends, or earlier: a lower bound. */
  #endsAtMs = Infinity

  /** Keeps a record, and drops the oldest beyond 65,536. */
  keep(record: LeaseRecord): void {
    this.#records.delete(record.yiaddr)
    this.#records.set(record.yiaddr, record)
    if (this.#records.size > RECORDS_MAX) this.#records.delete(this.#records.keys().next().value ?? '')
    if (record.state !== 'released') this.#endsAtMs = Math.min(this.#endsAtMs, record.expiresAtMs)
  }

  /** Expires the records whose time has passed. @returns the leases among them */
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

  /** When `expire` next has something to do, or earlier. */
  deadlineMs(): number {
    return this.#endsAtMs
  }

  /** The clock was set: moves all times with it, so that every lease lasts as long as before. */
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
