/**
 * Who holds which address of one pool. An address is free, offered, leased or declined (somebody found it in use):
 *
 *      free ──offer──▶ offered ──lease──▶ leased ──lease again──▶ leased
 *        ▲◀──expired──────┘                  │
 *        ▲◀──expired, released───────────────┘
 *        ▲◀──rested── declined ◀──declined── offered, leased
 *
 * A free address remembers the client that had it, until another client gets it: so the same client gets the same address
 * back for as long as possible, and the address that has been free for the longest is given away first (RFC 2131 §4.3.1).
 */
import { formatIpv4, parseIpv4 } from '../../kit/ip-address.ts'
import { Deadlines } from './deadlines.ts'
import { FreeList } from './free-list.ts'

/** Addresses from first to last, both included, as uint32. */
export interface Pool {
  readonly first: number
  readonly last: number
}

/** Who asks. `key` tells clients apart (RFC 2131 §4.2); the rest is for people. */
export interface Client {
  /** Client identifier in hex, or hardware type and address in its form. */
  readonly key: string
  readonly mac: string
  readonly hostName: string
}

export type BindingState = 'free' | 'offered' | 'leased' | 'declined'

/** An address and its client. Wall-clock times in ms since 1970. */
export interface Binding {
  readonly yiaddr: number
  readonly state: BindingState
  readonly client: Client
  /** When the state ends; Infinity for an address that is free. */
  readonly expiresAtMs: number
  /** The client has had this address: it is remembered when the address is free again. A mere offer is not. */
  readonly held: boolean
}

/** A line of the journal: what became of an address. The last line of an address counts. */
export interface LeaseRecord {
  /** Dotted quad. */
  readonly yiaddr: string
  readonly state: 'leased' | 'declined' | 'released'
  readonly key: string
  readonly mac: string
  readonly hostName: string
  readonly expiresAtMs: number
}

/** How long an offer stands (RFC 2131 §3.1 step 2 leaves it to the server). Clients ask within a few seconds. */
export const OFFER_MS = 30_000
/** How long an address rests that a client found in use. */
export const DECLINE_MS = 3_600_000

const NOBODY: Client = { key: '', mac: '', hostName: '' }

export class LeaseTable {
  readonly #pool: Pool
  readonly #free: FreeList
  readonly #deadlines = new Deadlines()
  /** One a slot that was ever used; slot 0 is the pool's first address. */
  readonly #bindings = new Map<number, Binding>()
  /** The slot of each client that has or had one: at most one a slot. */
  readonly #slotOf = new Map<string, number>()
  readonly #lendable: number

  /** @param excluded addresses that are never lent, such as the server's own */
  constructor(pool: Pool, excluded: Iterable<number>) {
    this.#pool = pool
    this.#free = new FreeList(pool.last - pool.first + 1)
    const never = new Set(excluded)
    for (let yiaddr = pool.first; yiaddr <= pool.last; yiaddr++) if (!never.has(yiaddr)) this.#free.addLast(yiaddr - pool.first)
    this.#lendable = this.#free.count
  }

  /** How many addresses there are to lend, taken or not. */
  get size(): number {
    return this.#lendable
  }

  /** How many are free. */
  get free(): number {
    return this.#free.count
  }

  bindingAt(yiaddr: number): Binding | undefined {
    return this.#bindings.get(yiaddr - this.#pool.first)
  }

  bindingOf(key: string): Binding | undefined {
    const slot = this.#slotOf.get(key)
    return slot === undefined ? undefined : this.#bindings.get(slot)
  }

  /** Is free: may be leased without an offer. */
  isFree(yiaddr: number): boolean {
    return this.#free.has(yiaddr - this.#pool.first)
  }

  /** The address that a new client would get now; nothing changes. */
  nextFree(): number | undefined {
    const slot = this.#free.first()
    return slot === undefined ? undefined : this.#pool.first + slot
  }

  /**
   * Reserves an address for OFFER_MS: the client's own of now or before, else the one it asks for, else the next free one.
   * A lease that stands is offered as it is. Undefined: no address is free.
   */
  offer(client: Client, requested: number | undefined, nowMs: number): Binding | undefined {
    const own = this.bindingOf(client.key)
    if (own?.state === 'leased') return own
    const yiaddr = own?.yiaddr ?? (requested !== undefined && this.isFree(requested) ? requested : this.nextFree())
    return yiaddr === undefined ? undefined : this.#bind(yiaddr, 'offered', client, nowMs + OFFER_MS, own?.held ?? false)
  }

  /**
   * Lends `yiaddr` until `expiresAtMs` to the client that it is offered or leased to, or that had it before and it is still free.
   * @param mayBeNew lends a free address to a client that has none, too: its offer may have been forgotten in a restart
   * @returns undefined where the address is not this client's to have
   */
  lease(client: Client, yiaddr: number, expiresAtMs: number, mayBeNew: boolean): Binding | undefined {
    const own = this.bindingOf(client.key)
    if (own?.yiaddr === yiaddr && own.state !== 'declined') return this.#bind(yiaddr, 'leased', client, expiresAtMs, true)
    const holdsNone = own === undefined || own.state === 'free'
    return mayBeNew && holdsNone && this.isFree(yiaddr) ? this.#bind(yiaddr, 'leased', client, expiresAtMs, true) : undefined
  }

  /** Frees what the client was offered but has not taken; undefined where there is nothing of the kind. */
  withdrawOffer(key: string): Binding | undefined {
    const own = this.bindingOf(key)
    return own?.state === 'offered' ? this.release(own.yiaddr) : undefined
  }

  /** Frees an address; returns what it was, or undefined where it was free already. */
  release(yiaddr: number): Binding | undefined {
    const before = this.bindingAt(yiaddr)
    if (before === undefined || before.state === 'free') return undefined
    const slot = yiaddr - this.#pool.first
    this.#deadlines.clear(slot)
    if (before.held) this.#keep(slot, { ...before, state: 'free', expiresAtMs: Infinity })
    else {
      this.#bindings.delete(slot)
      this.#slotOf.delete(before.client.key)
    }
    // What nobody took goes to the next who asks: the offers of one client do not wear off the memory of others.
    if (before.state === 'offered' && !before.held) this.#free.addFirst(slot)
    else this.#free.addLast(slot)
    return before
  }

  /** The client found the address in use: nobody gets it for DECLINE_MS. */
  decline(yiaddr: number, nowMs: number): Binding {
    return this.#bind(yiaddr, 'declined', NOBODY, nowMs + DECLINE_MS, false)
  }

  /** Frees what is over at `nowMs`; returns what it was. */
  expire(nowMs: number): Binding[] {
    const over: Binding[] = []
    for (let slot = this.#deadlines.takeDue(nowMs); slot !== undefined; slot = this.#deadlines.takeDue(nowMs)) {
      const before = this.release(this.#pool.first + slot)
      if (before !== undefined) over.push(before)
    }
    return over
  }

  /** When `expire` has something to do. */
  deadlineMs(): number {
    return this.#deadlines.earliestMs()
  }

  /** Takes up a line of the journal, in the journal's order. False: the address is none of this pool's to lend. */
  restore(record: LeaseRecord): boolean {
    const yiaddr = parseIpv4(record.yiaddr)
    if (yiaddr === undefined || !(this.isFree(yiaddr) || this.bindingAt(yiaddr) !== undefined)) return false
    const { state, key, mac, hostName, expiresAtMs } = record
    if (state === 'declined') this.#bind(yiaddr, 'declined', NOBODY, expiresAtMs, false)
    else {
      this.#bind(yiaddr, 'leased', { key, mac, hostName }, expiresAtMs, key !== '')
      if (state === 'released') this.release(yiaddr)
    }
    return true
  }

  /** All that is worth keeping, the longest free first, so that `restore` brings back the same order. */
  records(): LeaseRecord[] {
    const records: LeaseRecord[] = []
    for (const { yiaddr, state, client, expiresAtMs } of this.#bindings.values()) {
      if (state === 'offered') continue
      records.push({ yiaddr: formatIpv4(yiaddr), state: state === 'free' ? 'released' : state, ...client, expiresAtMs: state === 'free' ? 0 : expiresAtMs })
    }
    return records
  }

  /** What is offered, leased or declined. */
  taken(): Binding[] {
    return [...this.#bindings.values()].filter(({ state }) => state !== 'free')
  }

  #bind(yiaddr: number, state: BindingState, client: Client, expiresAtMs: number, held: boolean): Binding {
    const slot = yiaddr - this.#pool.first
    const former = this.#bindings.get(slot)
    if (former !== undefined && former.client.key !== client.key) this.#slotOf.delete(former.client.key)
    const elsewhere = this.#slotOf.get(client.key)
    if (elsewhere !== undefined && elsewhere !== slot) this.#forget(elsewhere)
    const binding: Binding = { yiaddr, state, client, expiresAtMs, held }
    this.#keep(slot, binding)
    if (client.key !== '') this.#slotOf.set(client.key, slot)
    this.#free.remove(slot)
    this.#deadlines.set(slot, expiresAtMs)
    return binding
  }

  /** The map keeps the order of the last change, which `records` passes on. */
  #keep(slot: number, binding: Binding): void {
    this.#bindings.delete(slot)
    this.#bindings.set(slot, binding)
  }

  /** The client of this slot has another one now. */
  #forget(slot: number): void {
    this.#bindings.delete(slot)
    this.#deadlines.clear(slot)
    if (!this.#free.has(slot)) this.#free.addLast(slot)
  }
}
