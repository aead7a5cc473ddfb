/** What the machine tells, for those who watch: events, the trace, and the table of leases. */
import type { EventsOf, RowOf } from '../kit/contract.ts'
import { assertNever } from '../kit/errors.ts'
import { formatIpv4 } from '../kit/ip-address.ts'
import type { ServiceContext } from '../kit/node/service.ts'
import { TraceBudget } from '../kit/trace-budget.ts'
import { dhcp } from './contract.ts'
import type { Binding } from './core/binding.ts'
import type { ServerEvent } from './core/allocator.ts'
import type { OtherServer } from './core/other-servers.ts'

type Context = Pick<ServiceContext<typeof dhcp>, 'clock' | 'trace' | 'emit' | 'setRow'>

/** A table of more rows is nothing that a person reads; the journal has them all. */
const ROWS_MAX = 2000
/** Beyond, events are only counted: a person reads some lines a second, and telling costs as much as lending. */
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

  /** What happened, but for probes, which are questions. */
  report(event: Exclude<ServerEvent, { kind: 'probe' }>): void {
    if (event.kind !== 'refused') this.showRow(event.binding.yiaddr)
    const nowMs = this.#context.clock.nowMs()
    const isTold = this.#budget.take(1, nowMs) === 1
    if (this.#budget.owesCount) this.#tell('untold', { events: this.#budget.takeUntraced() })
    if (!isTold) return
    if (event.kind === 'refused') return this.#tell('refused', { client: event.client, why: event.why })
    const { client: { mac, hostName }, expiresAtMs, state } = event.binding
    const yiaddr = formatIpv4(event.binding.yiaddr)
    switch (event.kind) {
      case 'offered': return this.#tell('offered', { yiaddr, client: mac })
      case 'leased': return this.#tell('leased', { yiaddr, client: mac, hostName, expiresAtMs: expiresAtMs === Infinity ? null : expiresAtMs })
      case 'released':
      case 'expired': return state === 'leased' ? this.#tell('released', { yiaddr, client: mac }) : undefined
      case 'declined': return // The refusal that goes with it says all.
      default: assertNever(event)
    }
  }

  /** The row says how the address stands now, whatever the event was about. */
  showRow(yiaddr: number): void {
    const binding = this.#bindingAt(yiaddr)
    if (binding === undefined || binding.state === 'free') {
      if (this.#shown.delete(yiaddr)) this.#context.setRow(formatIpv4(yiaddr), undefined)
    } else if (this.#shown.has(yiaddr) || this.#shown.size < ROWS_MAX) {
      this.#shown.add(yiaddr)
      this.#context.setRow(formatIpv4(yiaddr), rowOf(binding))
    }
  }

  /** Other networks are served now, where these addresses are taken. */
  refresh(taken: readonly Binding[]): void {
    for (const yiaddr of [...this.#shown, ...taken.map(({ yiaddr }) => yiaddr)]) this.showRow(yiaddr)
  }

  /** Another DHCP server was heard. */
  rival({ server, interfaceName }: OtherServer): void {
    this.#tell('other_server', { server, interface: interfaceName })
  }

  #tell<Name extends keyof EventsOf<typeof dhcp>>(name: Name, data: EventsOf<typeof dhcp>[Name]): void {
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
