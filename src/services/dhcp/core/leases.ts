/**
 * The lease table of one pool: which client holds which address. An address is free, offered, leased, or declined
 * (found in use by a client, or by a probe):
 *
 *      free ──offer──▶ offered ──lease──▶ leased ──renew──▶ leased
 *        ▲◀──expired──────┘                  │
 *        ▲◀──expired, released───────────────┘
 *        ▲◀──expired── declined ◀──decline── offered, leased
 *
 * A free address remembers the client that held it last, so that a returning client gets the same address for as long
 * as possible. New clients get the address that has been free the longest (RFC 2131 §4.3.1). A reserved address, which
 * may lie outside the pool, is free only for its own client.
 *
 * An offer is not a commitment (RFC 2131 §3.1 step 2). When no address is free, the oldest offer is withdrawn for the
 * next client. Ten thousand clients that only send DISCOVERs therefore cannot lock out one that accepts what it is
 * offered.
 */
import { assert } from '../../kit/errors.ts'
import { parseIpv4 } from '../../kit/ip-address.ts'
import { bindingOf, recordOf, type Binding, type BindingState, type Client, type LeaseRecord } from './binding.ts'
import { Deadlines } from './deadlines.ts'
import { SlotList } from './slot-list.ts'

/** Addresses from first to last, both included, as uint32. */
export interface Pool {
  readonly first: number
  readonly last: number
}

/**
 * How long an address is held for the client it was offered to; RFC 2131 §3.1 step 2 leaves it to the server. Clients
 * send their REQUEST within a few seconds.
 */
export const OFFER_MS = 30_000
/**
 * How old an offer must be before it may be withdrawn for another client. Most clients send their REQUEST within a few
 * milliseconds.
 */
export const OFFER_KEPT_MS = 50
/** How long a declined address stays out of use. */
export const DECLINE_MS = 3_600_000

const NOBODY: Client = { key: '', mac: '', hostName: '' }

export class LeaseTable {
  readonly #pool: Pool
  readonly #free: SlotList
  readonly #reserved: ReadonlySet<number>
  /** The slots of reserved addresses outside the pool, which follow those of the pool. */
  readonly #slotBeyond = new Map<number, number>()
  /**
   * When leases and declines expire. Offers are not in here: all last equally long, so they expire in the order of
   * #offered.
   */
  readonly #deadlines: Deadlines
  /** One per slot; undefined if it was never used. Slot 0 is the pool's first address. */
  readonly #bindings: (Binding | undefined)[]
  /** The number of each slot's last change: orders the slots by age. */
  readonly #changedAt: Float64Array
  #changes = 0
  /** The slot of each client that has one or is remembered in one. */
  readonly #slotOf = new Map<string, number>()
  /** Offered slots, the oldest offer first, and when each was offered. */
  readonly #offered: SlotList
  readonly #offeredAtMs: Float64Array
  readonly #size: number

  /**
   * @param excluded addresses that are never allocated, such as the server's own
   * @param reserved addresses that are allocated only when passed as `reserved` to `offer` or `lease`
   */
  constructor(pool: Pool, excluded: Iterable<number>, reserved: Iterable<number> = []) {
    this.#pool = pool
    this.#free = new SlotList(sizeOf(pool))
    this.#reserved = new Set(reserved)
    const unavailable = new Set([...excluded, ...this.#reserved])
    for (let yiaddr = pool.first; yiaddr <= pool.last; yiaddr++) if (!unavailable.has(yiaddr)) this.#free.addLast(yiaddr - pool.first)
    for (const yiaddr of this.#reserved) if (!contains(pool, yiaddr)) this.#slotBeyond.set(yiaddr, sizeOf(pool) + this.#slotBeyond.size)
    const slots = sizeOf(pool) + this.#slotBeyond.size
    this.#deadlines = new Deadlines(slots)
    this.#offered = new SlotList(slots)
    this.#offeredAtMs = new Float64Array(slots)
    this.#bindings = new Array<Binding | undefined>(slots).fill(undefined)
    this.#changedAt = new Float64Array(slots)
    this.#size = this.#free.count
  }

  /** How many addresses can be allocated to clients without a reservation, whether in use or not. */
  get size(): number {
    return this.#size
  }

  /** A new client gets no address until one is released or expires. */
  get isExhausted(): boolean {
    return this.#size > 0 && this.#free.count === 0 && this.#offered.first() === undefined
  }

  /** How many addresses are free. */
  get free(): number {
    return this.#free.count
  }

  bindingAt(yiaddr: number): Binding | undefined {
    const slot = this.#slotAt(yiaddr)
    return slot === undefined ? undefined : this.#bindings[slot]
  }

  bindingOf(key: string): Binding | undefined {
    const slot = this.#slotOf.get(key)
    return slot === undefined ? undefined : this.#bindings[slot]
  }

  /** The address a new client would be offered now. */
  nextFree(): number | undefined {
    const slot = this.#free.first()
    return slot === undefined ? undefined : this.#pool.first + slot
  }

  /**
   * Offers an address for OFFER_MS: the one reserved for the client, else the one it has or had, else the one it
   * requests, else the next free one (RFC 2131 §4.3.1). If the client has a lease, that is offered unchanged. Undefined
   * if no address is free.
   * @param reserved the address reserved for this client
   */
  offer(client: Client, requested: number | undefined, nowMs: number, reserved?: number): Binding | undefined {
    const mine = reserved !== undefined && this.#isAvailableTo(client, reserved) ? reserved : undefined
    const own = this.#ownOf(client, mine)
    if (own?.state === 'leased') return own
    const yiaddr = mine ?? own?.yiaddr ?? (requested !== undefined && this.#isFree(requested) ? requested : this.nextFree() ?? this.#oldestOffer(nowMs))
    if (yiaddr === undefined) return undefined
    const same = own?.yiaddr === yiaddr ? own : undefined
    return this.#bind(yiaddr, 'offered', client, nowMs + OFFER_MS, { held: same?.held ?? false, vacant: same?.vacant ?? false }, nowMs)
  }

  /** A probe found no host at an offered address. */
  markVacant(binding: Binding): void {
    const slot = this.#slotAt(binding.yiaddr)
    if (slot !== undefined) this.#bindings[slot] = { ...binding, vacant: true }
  }

  /**
   * Leases `yiaddr` until `expiresAtMs` to the client it is reserved for, offered to or leased to, or to the one that
   * held it last if it is still free.
   * @param mayBeNew also leases a free address to a client that has none, since a restart may have lost its offer
   * @returns undefined if the client may not have this address, or has a reservation for another one
   */
  lease(client: Client, yiaddr: number, expiresAtMs: number, mayBeNew: boolean, reserved?: number): Binding | undefined {
    const mine = reserved !== undefined && this.#isAvailableTo(client, reserved) ? reserved : undefined
    if (mine === undefined ? this.#reserved.has(yiaddr) : mine !== yiaddr) return undefined
    const own = this.bindingOf(client.key)
    const isOwn = mine === yiaddr || (own?.yiaddr === yiaddr && own.state !== 'declined')
    const isFirst = mayBeNew && (own === undefined || own.state === 'free') && this.#isFree(yiaddr)
    return isOwn || isFirst ? this.#bind(yiaddr, 'leased', client, expiresAtMs, { held: true, vacant: true }) : undefined
  }

  /** Frees the address offered to a client; undefined if there is no such offer. */
  withdrawOffer(key: string): Binding | undefined {
    const own = this.bindingOf(key)
    return own?.state === 'offered' ? this.release(own.yiaddr) : undefined
  }

  /** Withdraws an offer whose address may be in use: it becomes free, but last in line to be offered. */
  passOver({ yiaddr }: Binding): void {
    const slot = this.#slotAt(yiaddr)
    if (slot === undefined || this.release(yiaddr) === undefined || !this.#free.has(slot)) return
    this.#free.remove(slot)
    this.#free.addLast(slot)
  }

  /** Frees an address. @returns its former binding; undefined if it was free already */
  release(yiaddr: number): Binding | undefined {
    const slot = this.#slotAt(yiaddr)
    const before = slot === undefined ? undefined : this.#bindings[slot]
    if (slot === undefined || before === undefined || before.state === 'free') return undefined
    this.#deadlines.clear(slot)
    this.#offered.remove(slot)
    if (before.held) this.#keep(slot, { ...before, state: 'free', expiresAtMs: Infinity })
    else {
      this.#bindings[slot] = undefined
      this.#slotOf.delete(before.client.key)
    }
    if (this.#reserved.has(yiaddr)) return before
    // An address that was only offered goes to the next client, so that offers do not displace the remembered clients
    // of other addresses.
    if (before.state === 'offered' && !before.held) this.#free.addFirst(slot)
    else this.#free.addLast(slot)
    return before
  }

  /** Takes an address that was found in use out of use for DECLINE_MS. */
  decline(yiaddr: number, nowMs: number): Binding {
    return this.#bind(yiaddr, 'declined', NOBODY, nowMs + DECLINE_MS, { held: false, vacant: false })
  }

  /** Frees the addresses whose time has passed. @returns their former bindings */
  expire(nowMs: number): Binding[] {
    const expired: Binding[] = []
    for (let slot = this.#takeExpired(nowMs); slot !== undefined; slot = this.#takeExpired(nowMs)) {
      const before = this.release(this.#bindings[slot]?.yiaddr ?? 0)
      if (before !== undefined) expired.push(before)
    }
    return expired
  }

  /** When `expire` next has something to do. */
  deadlineMs(): number {
    return Math.min(this.#deadlines.earliestMs(), this.#offerEndsAtMs())
  }

  /** The clock was set: moves all times with it, so that every state lasts as long as before. */
  shift(byMs: number): void {
    this.#deadlines.shift(byMs)
    for (const [slot, binding] of this.#bindings.entries()) if (binding !== undefined) this.#bindings[slot] = { ...binding, expiresAtMs: binding.expiresAtMs + byMs }
    for (const [slot, atMs] of this.#offeredAtMs.entries()) this.#offeredAtMs[slot] = atMs + byMs
  }

  /**
   * Applies a journal record; call in the journal's order.
   * @returns false if the address does not belong to this pool
   */
  restore(record: LeaseRecord): boolean {
    const yiaddr = parseIpv4(record.yiaddr)
    if (yiaddr === undefined || !(this.#isFree(yiaddr) || this.#reserved.has(yiaddr) || this.bindingAt(yiaddr) !== undefined)) return false
    const { state, expiresAtMs } = record
    if (state === 'declined') this.#bind(yiaddr, 'declined', NOBODY, expiresAtMs, { held: false, vacant: false })
    else {
      const binding = bindingOf(record, yiaddr)
      this.#bind(yiaddr, 'leased', binding.client, expiresAtMs, binding)
      if (state === 'released') this.release(yiaddr)
    }
    return true
  }

  /** The state as journal records, least recently changed first, so that `restore` reproduces the same order. */
  records(): LeaseRecord[] {
    const changedAt = ({ yiaddr }: Binding) => this.#changedAt[this.#slotAt(yiaddr) ?? 0] ?? 0
    const lasting = this.#used().filter(({ state }) => state !== 'offered').sort((one, other) => changedAt(one) - changedAt(other))
    return lasting.map(binding => recordOf(binding, binding.state === 'leased' || binding.state === 'declined' ? binding.state : 'released'))
  }

  /** All addresses that are offered, leased or declined. */
  taken(): Binding[] {
    return this.#used().filter(({ state }) => state !== 'free')
  }

  #used(): Binding[] {
    return this.#bindings.filter((binding): binding is Binding => binding !== undefined)
  }

  #slotAt(yiaddr: number): number | undefined {
    return contains(this.#pool, yiaddr) ? yiaddr - this.#pool.first : this.#slotBeyond.get(yiaddr)
  }

  #isFree(yiaddr: number): boolean {
    return contains(this.#pool, yiaddr) && this.#free.has(yiaddr - this.#pool.first)
  }

  /** Whether the address is neither leased nor offered to another client, nor declined. */
  #isAvailableTo(client: Client, yiaddr: number): boolean {
    const binding = this.bindingAt(yiaddr)
    return binding === undefined || binding.state === 'free' || (binding.state !== 'declined' && binding.client.key === client.key)
  }

  /**
   * The binding of the address a client has or had, unless a reservation rules it out: its own for another address, or
   * another client's for this one.
   */
  #ownOf(client: Client, reserved: number | undefined): Binding | undefined {
    const own = this.bindingOf(client.key)
    if (own === undefined || own.yiaddr === reserved) return own
    return reserved === undefined && !this.#reserved.has(own.yiaddr) ? own : undefined
  }

  /** The next slot whose time has passed. The caller releases it. */
  #takeExpired(nowMs: number): number | undefined {
    return this.#offerEndsAtMs() <= nowMs ? this.#offered.first() : this.#deadlines.takeDue(nowMs)
  }

  /** When the oldest offer expires; Infinity if there is none. */
  #offerEndsAtMs(): number {
    const slot = this.#offered.first()
    return slot === undefined ? Infinity : (this.#offeredAtMs[slot] ?? 0) + OFFER_MS
  }

  /** The address of the oldest offer that may be withdrawn for another client. */
  #oldestOffer(nowMs: number): number | undefined {
    for (let slot = this.#offered.first(); slot !== undefined; slot = this.#offered.after(slot)) {
      const binding = this.#bindings[slot]
      if ((this.#offeredAtMs[slot] ?? 0) + OFFER_KEPT_MS > nowMs || binding === undefined) return undefined
      if (!this.#reserved.has(binding.yiaddr)) return binding.yiaddr
    }
    return undefined
  }

  /** @param nowMs needed for an offer only */
  #bind(yiaddr: number, state: BindingState, client: Client, expiresAtMs: number, { held, vacant }: Pick<Binding, 'held' | 'vacant'>, nowMs = 0): Binding {
    const slot = this.#slotAt(yiaddr)
    assert(slot !== undefined, 'a bound address is in the pool or reserved')
    const former = this.#bindings[slot]
    if (former !== undefined && former.client.key !== client.key) this.#slotOf.delete(former.client.key)
    const elsewhere = this.#slotOf.get(client.key)
    if (elsewhere !== undefined && elsewhere !== slot) this.#forget(elsewhere)
    const binding: Binding = { yiaddr, state, client, expiresAtMs, held, vacant }
    this.#keep(slot, binding)
    if (client.key !== '' && elsewhere !== slot) this.#slotOf.set(client.key, slot)
    this.#free.remove(slot)
    this.#offered.remove(slot)
    if (state === 'offered') {
      this.#deadlines.clear(slot)
      this.#offered.addLast(slot)
      this.#offeredAtMs[slot] = nowMs
    } else this.#deadlines.set(slot, expiresAtMs)
    return binding
  }

  #keep(slot: number, binding: Binding): void {
    this.#bindings[slot] = binding
    this.#changedAt[slot] = ++this.#changes
  }

  /** Clears a slot whose client has moved to another one. */
  #forget(slot: number): void {
    const isReserved = this.#reserved.has(this.#bindings[slot]?.yiaddr ?? 0)
    this.#bindings[slot] = undefined
    this.#deadlines.clear(slot)
    this.#offered.remove(slot)
    if (!isReserved && !this.#free.has(slot)) this.#free.addLast(slot)
  }
}

function sizeOf({ first, last }: Pool): number {
  return last - first + 1
}

function contains({ first, last }: Pool, yiaddr: number): boolean {
  return yiaddr >= first && yiaddr <= last
}
