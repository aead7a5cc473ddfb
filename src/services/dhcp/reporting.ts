/** Publishes what the server does: as events, in the trace, and in the table of leases. */
import type { EventsOf, RowOf } from '../kit/contract.ts'
import { assertNever } from '../kit/errors.ts'
import { formatIpv4 } from '../kit/ip-address.ts'
import type { ServiceContext } from '../kit/node/service.ts'
import { TraceBudget } from '../kit/trace-budget.ts'
import { dhcp } from './contract.ts'
import type { ServerEvent } from './core/allocator.ts'
import type { Binding } from './core/binding.ts'
import type { OtherServer } from './core/other-servers.ts'

type Context = Pick<ServiceContext<typeof dhcp>, 'clock' | 'trace' | 'emit' | 'setRow'>

/** Nobody reads a longer table. The journal has all leases. */
const ROWS_MAX = 2000
/** More events are only counted: nobody can read them as fast, and emitting one costs as much as granting a lease. */
const EVENTS_PER_SECOND_MAX = 200

export class Reporting {
  readonly #context: Context
  readonly #bindingAt: (yiaddr: number) => Binding | undefined
  readonly #shown = new Set<number>()
  readonly #budget = new TraceBudget(EVENTS_PER_SECOND_MAX)

  constructor(context: Context, bindingAt: (yiaddr: number) => Binding | undefined) {
    this.#context = context
    this.#bindingAt = bindingAt
  }

  /** Any event except `probe`, which is a request to the driver. */
  report(event: Exclude<ServerEvent, { kind: 'probe' }>): void {
    if (event.kind !== 'refused') this.showRow(event.binding.yiaddr)
    const nowMs = this.#context.clock.nowMs()
    const isWithinBudget = this.#budget.take(1, nowMs) === 1
    if (this.#budget.owesCount) this.#emit('untold', { events: this.#budget.takeUntraced() })
    if (!isWithinBudget) return
    if (event.kind === 'refused') return this.#emit('refused', { client: event.client, why: event.why })
    const { client: { mac, hostName }, expiresAtMs, state } = event.binding
    const yiaddr = formatIpv4(event.binding.yiaddr)
    switch (event.kind) {
      case 'offered': return this.#emit('offered', { yiaddr, client: mac })
      case 'leased': return this.#emit('leased', { yiaddr, client: mac, hostName, expiresAtMs: expiresAtMs === Infinity ? null : expiresAtMs })
      case 'released':
      case 'expired': return state === 'leased' ? this.#emit('released', { yiaddr, client: mac }) : undefined
      case 'declined': return // The accompanying refusal says why.
      default: assertNever(event)
    }
  }

  /** Updates the row of an address to its current state. */
  showRow(yiaddr: number): void {
    const binding = this.#bindingAt(yiaddr)
    if (binding === undefined || binding.state === 'free') {
      if (this.#shown.delete(yiaddr)) this.#context.setRow(formatIpv4(yiaddr), undefined)
    } else if (this.#shown.has(yiaddr) || this.#shown.size < ROWS_MAX) {
      this.#shown.add(yiaddr)
      this.#context.setRow(formatIpv4(yiaddr), rowOf(binding))
    }
  }

  /** Updates all rows after the served networks have changed. @param taken the addresses in use on them */
  refresh(taken: readonly Binding[]): void {
    for (const yiaddr of [...this.#shown, ...taken.map(({ yiaddr }) => yiaddr)]) this.showRow(yiaddr)
  }

  /** Another DHCP server answered. */
  otherServer({ server, interfaceName }: OtherServer): void {
    this.#emit('other_server', { server, interface: interfaceName })
  }

  #emit<Name extends keyof EventsOf<typeof dhcp>>(name: Name, data: EventsOf<typeof dhcp>[Name]): void {
    const { emit, trace, clock } = this.#context
    trace.event('dhcp', { event: name, ...data }, clock.nowMs())
    emit(name, data)
  }
}

function rowOf({ yiaddr, state, client, expiresAtMs }: Binding): RowOf<typeof dhcp> {
  return { address: formatIpv4(yiaddr), client: client.mac, host: client.hostName, state, until: expiresAtMs === Infinity ? 'no end' : localTime(expiresAtMs) }
}

/** `2026-11-24 02:51:20`, in the time zone of this machine. */
export function localTime(atMs: number): string {
  const date = new Date(atMs)
  return new Date(atMs - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19).replace('T', ' ')
}
