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
 * A reserved address, which may lie outside the pool, is free for its own client only.
 *
 * An offer is no promise (RFC 2131 §3.1 step 2). So where nothing is free the oldest offer gives way: ten thousand clients
 * that only ask cannot keep one out that takes what it is offered.
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

/** How long an offer stands (RFC 2131 §3.1 step 2 leaves it to the server). Clients ask within a few seconds. */
export const OFFER_MS = 30_000
/** How old an offer must be before it may give way to another client. Clients take what they want within a few ms. */
export const OFFER_KEPT_MS = 50
/** How long an address rests that a client found in use. */
export const DECLINE_MS = 3_600_000

const NOBODY: Client = { key: '', mac: '', hostName: '' }

export class LeaseTable {
  readonly #pool: Pool
  readonly #free: SlotList
  readonly #reserved: ReadonlySet<number>
  /** Reserved addresses outside the pool: their slots follow those of the pool. */
  readonly #slotBeyond = new Map<number, number>()
  /** When leases, and the rest of declined addresses, end. Offers all stand equally long: their order is that in which they end. */
  readonly #deadlines: Deadlines
  /** One a slot; undefined where it was never used. Slot 0 is the pool's first address. */
  readonly #bindings: (Binding | undefined)[]
  /** When each slot changed last, as the number of the change. */
  readonly #changedAt: Float64Array
  #changes = 0
  /** The slot of each client that has or had one: at most one a slot. */
  readonly #slotOf = new Map<string, number>()
  /** Slots that are offered, the oldest offer first, and since when. */
  readonly #offered: SlotList
  readonly #offeredAtMs: Float64Array
  readonly #lendable: number

  /**
   * @param excluded addresses that are never lent, such as the server's own
   * @param reserved addresses that are lent only to the client that they are passed for
   */
  constructor(pool: Pool, excluded: Iterable<number>, reserved: Iterable<number> = []) {
    this.#pool = pool
    this.#free = new SlotList(sizeOf(pool))
    this.#reserved = new Set(reserved)
    const never = new Set([...excluded, ...this.#reserved])
    for (let yiaddr = pool.first; yiaddr <= pool.last; yiaddr++) if (!never.has(yiaddr)) this.#free.addLast(yiaddr - pool.first)
    for (const yiaddr of this.#reserved) if (!contains(pool, yiaddr)) this.#slotBeyond.set(yiaddr, sizeOf(pool) + this.#slotBeyond.size)
    const slots = sizeOf(pool) + this.#slotBeyond.size
    this.#deadlines = new Deadlines(slots)
    this.#offered = new SlotList(slots)
    this.#offeredAtMs = new Float64Array(slots)
    this.#bindings = new Array<Binding | undefined>(slots).fill(undefined)
    this.#changedAt = new Float64Array(slots)
    this.#lendable = this.#free.count
  }

  /** How many addresses there are to lend to anybody, taken or not. */
  get size(): number {
    return this.#lendable
  }

  /** Nobody new gets an address before one is given back or ends. */
  get isExhausted(): boolean {
    return this.#lendable > 0 && this.#free.count === 0 && this.#offered.first() === undefined
  }

  /** How many are free. */
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

  /** The address that a new client would get now; nothing changes. */
  nextFree(): number | undefined {
    const slot = this.#free.first()
    return slot === undefined ? undefined : this.#pool.first + slot
  }

  /**
   * Offers an address for OFFER_MS: the one reserved for the client; else its own of now or before; else the one it asks for;
   * else the next free one. A lease that stands is offered as it is. Undefined: no address is free.
   * @param reserved the address that only this client may have
   */
  offer(client: Client, requested: number | undefined, nowMs: number, reserved?: number): Binding | undefined {
    const mine = reserved !== undefined && this.#isOpenTo(client, reserved) ? reserved : undefined
    const own = this.#ownOf(client, mine)
    if (own?.state === 'leased') return own
    const yiaddr = mine ?? own?.yiaddr ?? (requested !== undefined && this.#isFree(requested) ? requested : this.nextFree() ?? this.#oldestOffer(nowMs))
    if (yiaddr === undefined) return undefined
    const same = own?.yiaddr === yiaddr ? own : undefined
    return this.#bind(yiaddr, 'offered', client, nowMs + OFFER_MS, { held: same?.held ?? false, vacant: same?.vacant ?? false }, nowMs)
  }

  /** Nobody answered at an address that is offered. */
  markVacant(binding: Binding): void {
    const slot = this.#slotAt(binding.yiaddr)
    if (slot !== undefined) this.#bindings[slot] = { ...binding, vacant: true }
  }

  /**
   * Lends `yiaddr` until `expiresAtMs` to the client that it is reserved for, that it is offered or leased to, or that had it
   * before and it is still free.
   * @param mayBeNew lends a free address to a client that has none, too: its offer may have been forgotten in a restart
   * @returns undefined where the address is not this client's to have, or another one is reserved for it
   */
  lease(client: Client, yiaddr: number, expiresAtMs: number, mayBeNew: boolean, reserved?: number): Binding | undefined {
    const mine = reserved !== undefined && this.#isOpenTo(client, reserved) ? reserved : undefined
    if (mine === undefined ? this.#reserved.has(yiaddr) : mine !== yiaddr) return undefined
    const own = this.bindingOf(client.key)
    const isOwn = mine === yiaddr || (own?.yiaddr === yiaddr && own.state !== 'declined')
    const isFirst = mayBeNew && (own === undefined || own.state === 'free') && this.#isFree(yiaddr)
    return isOwn || isFirst ? this.#bind(yiaddr, 'leased', client, expiresAtMs, { held: true, vacant: true }) : undefined
  }

  /** Frees what the client was offered but has not taken; undefined where there is nothing of the kind. */
  withdrawOffer(key: string): Binding | undefined {
    const own = this.bindingOf(key)
    return own?.state === 'offered' ? this.release(own.yiaddr) : undefined
  }

  /** An address that is offered cannot be lent yet, for somebody may be there: it is free, and the last to be given away. */
  passOver({ yiaddr }: Binding): void {
    const slot = this.#slotAt(yiaddr)
    if (slot === undefined || this.release(yiaddr) === undefined || !this.#free.has(slot)) return
    this.#free.remove(slot)
    this.#free.addLast(slot)
  }

  /** Frees an address; returns what it was, or undefined where it was free already. */
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
    // What nobody took goes to the next who asks: the offers of one client do not wear off the memory of others.
    if (this.#reserved.has(yiaddr)) return before
    if (before.state === 'offered' && !before.held) this.#free.addFirst(slot)
    else this.#free.addLast(slot)
    return before
  }

  /** Somebody was found at the address: nobody gets it for DECLINE_MS. */
  decline(yiaddr: number, nowMs: number): Binding {
    return this.#bind(yiaddr, 'declined', NOBODY, nowMs + DECLINE_MS, { held: false, vacant: false })
  }

  /** Frees what is over at `nowMs`; returns what it was. */
  expire(nowMs: number): Binding[] {
    const over: Binding[] = []
    for (let slot = this.#takeOver(nowMs); slot !== undefined; slot = this.#takeOver(nowMs)) {
      const before = this.release(this.#bindings[slot]?.yiaddr ?? 0)
      if (before !== undefined) over.push(before)
    }
    return over
  }

  /** When `expire` has something to do. */
  deadlineMs(): number {
    return Math.min(this.#deadlines.earliestMs(), this.#offerEndsAtMs())
  }

  /** The clock was set: every state lasts as long as it was to last. */
  shift(byMs: number): void {
    this.#deadlines.shift(byMs)
    for (const [slot, binding] of this.#bindings.entries()) if (binding !== undefined) this.#bindings[slot] = { ...binding, expiresAtMs: binding.expiresAtMs + byMs }
    for (const [slot, atMs] of this.#offeredAtMs.entries()) this.#offeredAtMs[slot] = atMs + byMs
  }

  /** Takes up a line of the journal, in the journal's order. False: the address is none of this pool's to lend. */
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

  /** All that is worth keeping, the longest unchanged first, so that `restore` brings back the same order. */
  records(): LeaseRecord[] {
    const changedAt = ({ yiaddr }: Binding) => this.#changedAt[this.#slotAt(yiaddr) ?? 0] ?? 0
    const worthIt = this.#used().filter(({ state }) => state !== 'offered').sort((one, other) => changedAt(one) - changedAt(other))
    return worthIt.map(binding => recordOf(binding, binding.state === 'leased' || binding.state === 'declined' ? binding.state : 'released'))
  }

  /** What is offered, leased or declined. */
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

  /** Nobody else has the address or is offered it, and nobody was found there. */
  #isOpenTo(client: Client, yiaddr: number): boolean {
    const binding = this.bindingAt(yiaddr)
    return binding === undefined || binding.state === 'free' || (binding.state !== 'declined' && binding.client.key === client.key)
  }

  /** What the client has or had, where it may have that again. An address that is not reserved for it gives way to one that is. */
  #ownOf(client: Client, reserved: number | undefined): Binding | undefined {
    const own = this.bindingOf(client.key)
    if (own === undefined || own.yiaddr === reserved) return own
    return reserved === undefined && !this.#reserved.has(own.yiaddr) ? own : undefined
  }

  /** A slot whose time is over, and which is `release`d next. */
  #takeOver(nowMs: number): number | undefined {
    return this.#offerEndsAtMs() <= nowMs ? this.#offered.first() : this.#deadlines.takeDue(nowMs)
  }

  /** When the oldest offer is over; Infinity where there is none. */
  #offerEndsAtMs(): number {
    const slot = this.#offered.first()
    return slot === undefined ? Infinity : (this.#offeredAtMs[slot] ?? 0) + OFFER_MS
  }

  /** The address of the oldest offer that may give way to another client. */
  #oldestOffer(nowMs: number): number | undefined {
    for (let slot = this.#offered.first(); slot !== undefined; slot = this.#offered.after(slot)) {
      const binding = this.#bindings[slot]
      if ((this.#offeredAtMs[slot] ?? 0) + OFFER_KEPT_MS > nowMs || binding === undefined) return undefined
      if (!this.#reserved.has(binding.yiaddr)) return binding.yiaddr
    }
    return undefined
  }

  /** @param nowMs where it is an offer */
  #bind(yiaddr: number, state: BindingState, client: Client, expiresAtMs: number, { held, vacant }: Pick<Binding, 'held' | 'vacant'>, nowMs = 0): Binding {
    const slot = this.#slotAt(yiaddr)
    assert(slot !== undefined, 'an address that is bound is in the pool or reserved')
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

  /** The client of this slot has another one now. */
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
