/** What this machine was told of its network while the gateway runs: its lease, and the DNS server that names are asked of. */
import { keepLease, formatLeaseTime, obtainLease, type KeptLease, type Lease } from '../dhcp/client.ts'
import { createResolver, type Resolver } from '../dns/resolver.ts'
import { formatMs } from '../kit/amounts.ts'
import { formatEndpoint, type Endpoint } from '../kit/endpoint.ts'
import type { Environment } from './connections.ts'
import { spanOfLease, type Measures } from './core/journey.ts'
import { leasedDnsServer, localDnsServer, type DnsChoice } from './dns-server.ts'
import type { ResolveName } from './way.ts'

export interface NetworkOptions extends Environment {
  /** The DNS server that the person named; goes before all that DHCP tells. */
  readonly named: DnsChoice | undefined
  /** DHCP server to ask; undefined: a broadcast. */
  readonly dhcp: Endpoint | undefined
  readonly mac: string
  readonly hostName: string
  log(text: string): void
  leased(lease: Lease): void
}

/** How long names wait for DHCP to tell a DNS server, once, at the start. */
const DECIDE_MS_MAX = 3_000
/** Names at or under this are ours, whatever DHCP tells. */
const OWN_DOMAIN = 'home'

export class Network {
  readonly #options: NetworkOptions
  readonly #kept: KeptLease
  #lease: Lease | undefined
  /** Why there is no lease. */
  #without = 'no DHCP server has answered yet'
  #names: { readonly resolver: Resolver; readonly server: Endpoint } | undefined
  /** Settles once it is decided whom names are asked of. */
  readonly #decided: Promise<void>
  #decide: () => void = () => undefined
  readonly #cancelWait: () => void
  readonly #asking = new Set<Promise<unknown>>()
  #stopped = false

  /** Asks for a lease in the background and keeps it. */
  constructor(options: NetworkOptions) {
    this.#options = options
    const { clock, random, trace, dhcp, mac, hostName } = options
    this.#decided = new Promise(resolve => { this.#decide = resolve })
    if (options.named !== undefined) this.#ask(options.named)
    this.#cancelWait = clock.wakeAt(clock.nowMs() + DECIDE_MS_MAX, () => { if (this.#names === undefined) this.#ask(localDnsServer(this.#without)) })
    this.#kept = keepLease({
      server: dhcp, mac, hostName, clock, random, trace,
      onLease: (lease, why) => lease === undefined ? this.#lost(why) : this.#learned(lease),
    })
  }

  /** Waits where it is not decided yet which server is asked. */
  readonly resolve: ResolveName = async (qname, qtype) => {
    await this.#decided
    if (this.#names === undefined) throw new Error('names were asked of a network that is stopped')
    const asking = this.#names.resolver.resolve(qname, qtype)
    this.#asking.add(asking)
    return asking.finally(() => this.#asking.delete(asking))
  }

  /** Names are asked anew, whatever was remembered of them. */
  forgetNames(): void {
    if (this.#names !== undefined) this.#resolveBy(this.#names.server)
  }

  /**
   * The lease; asks where there is none, or where `renew` says so.
   * @throws HamletError no-lease
   */
  async lease(renew: boolean): Promise<Lease> {
    if (this.#lease !== undefined && !renew) return this.#lease
    const { dhcp, mac, hostName, clock, random, trace } = this.#options
    const lease = await obtainLease({ server: dhcp, mac, hostName, clock, random, trace })
    this.#learned(lease)
    return lease
  }

  /** Names at or under these are our own. */
  get domains(): readonly string[] {
    return [OWN_DOMAIN, this.#lease?.domain ?? '']
  }

  /** How this machine came to its address, for a journey. */
  addressStep(): Measures['address'] {
    const lease = this.#lease
    const nowMs = this.#options.clock.nowMs()
    if (lease === undefined) return { sentence: `This machine has no lease: ${this.#without}`, tookMs: 0, fromMs: nowMs, toMs: nowMs }
    const ageMs = Math.max(0, nowMs - lease.obtainedAtMs)
    const sentence = `${lease.address} was lent by the DHCP server ${lease.server} ${formatMs(ageMs)} ago, for ${formatLeaseTime(lease.leaseSeconds)}`
    return { sentence, tookMs: lease.tookMs, ...spanOfLease(lease) }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelWait()
    const names = this.#names
    this.#names = undefined
    this.#decide()
    await this.#kept.stop()
    await names?.resolver.close()
  }

  #learned(lease: Lease): void {
    if (this.#stopped) return
    this.#lease = lease
    if (this.#options.named === undefined) this.#ask(leasedDnsServer(lease))
    this.#options.leased(lease)
  }

  #lost(why: string): void {
    if (!this.#stopped && (why !== this.#without || this.#lease !== undefined)) this.#options.log(`No lease: ${why}`)
    this.#lease = undefined
    this.#without = why
  }

  #ask({ server, sentence }: DnsChoice): void {
    if (this.#names !== undefined && formatEndpoint(this.#names.server) === formatEndpoint(server)) return
    this.#options.log(sentence)
    this.#resolveBy(server)
    this.#decide()
  }

  /** From now on names are asked of this server, by a resolver that remembers nothing; the one before still answers what it was asked. */
  #resolveBy(server: Endpoint): void {
    const before = this.#names
    const { clock, random, trace } = this.#options
    this.#names = { resolver: createResolver({ servers: [server], clock, random, trace }), server }
    if (before !== undefined) void Promise.allSettled(this.#asking).then(() => before.resolver.close())
  }
}
