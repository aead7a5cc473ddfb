/** What this machine learned about its network while the gateway runs: its lease, and the DNS server that resolves names. */
import { keepLease, formatLeaseTime, obtainLease, type KeptLease, type Lease } from '../dhcp/client.ts'
import { createResolver, type Resolver } from '../dns/resolver.ts'
import { formatMs } from '../kit/amounts.ts'
import { formatEndpoint, type Endpoint } from '../kit/endpoint.ts'
import type { Environment } from './connections.ts'
import { spanOfLease, type Measures } from './core/journey.ts'
import { leasedDnsServer, localDnsServer, type DnsChoice } from './dns-server.ts'
import type { ResolveName } from './origin-server.ts'

export interface NetworkConfigOptions extends Environment {
  /** The DNS server that the user named; it takes precedence over the one from DHCP. */
  readonly named: DnsChoice | undefined
  /** The DHCP server to ask; undefined: a broadcast. */
  readonly dhcp: Endpoint | undefined
  readonly mac: string
  readonly hostName: string
  log(text: string): void
  leased(lease: Lease): void
}

/** How long the first lookups wait for DHCP to announce a DNS server. */
const CHOOSE_MS_MAX = 3_000
/** Names at or under this domain are our own, whatever DHCP announces. */
const OWN_DOMAIN = 'home'

export class NetworkConfig {
  readonly #options: NetworkConfigOptions
  readonly #kept: KeptLease
  #lease: Lease | undefined
  /** Why there is no lease. */
  #noLeaseReason = 'no DHCP server has answered yet'
  #dns: { readonly resolver: Resolver; readonly server: Endpoint } | undefined
  /** Resolves once a DNS server is chosen. */
  readonly #chosen: Promise<void>
  #settleChosen: () => void = () => undefined
  readonly #cancelWait: () => void
  readonly #lookups = new Set<Promise<unknown>>()
  #stopped = false

  /** Requests a lease in the background and renews it. */
  constructor(options: NetworkConfigOptions) {
    this.#options = options
    const { clock, random, trace, dhcp, mac, hostName } = options
    this.#chosen = new Promise(resolve => { this.#settleChosen = resolve })
    if (options.named !== undefined) this.#choose(options.named)
    this.#cancelWait = clock.wakeAt(clock.nowMs() + CHOOSE_MS_MAX, () => { if (this.#dns === undefined) this.#choose(localDnsServer(this.#noLeaseReason)) })
    this.#kept = keepLease({
      server: dhcp, mac, hostName, clock, random, trace,
      onLease: (lease, why) => lease === undefined ? this.#lost(why) : this.#learned(lease),
    })
  }

  /** Waits until a DNS server is chosen. */
  readonly resolve: ResolveName = async (qname, qtype) => {
    await this.#chosen
    if (this.#dns === undefined) throw new Error('a name was looked up after the network was stopped')
    const lookup = this.#dns.resolver.resolve(qname, qtype)
    this.#lookups.add(lookup)
    return lookup.finally(() => this.#lookups.delete(lookup))
  }

  /** Empties the cache of names: they are looked up again. */
  forgetNames(): void {
    if (this.#dns !== undefined) this.#resolveBy(this.#dns.server)
  }

  /**
   * The lease; obtains one if there is none or `renew` is set.
   * @throws HamletError no-lease
   */
  async lease(renew: boolean): Promise<Lease> {
    if (this.#lease !== undefined && !renew) return this.#lease
    const { dhcp, mac, hostName, clock, random, trace } = this.#options
    const lease = await obtainLease({ server: dhcp, mac, hostName, clock, random, trace })
    this.#learned(lease)
    return lease
  }

  /** Names at or under these domains are our own. */
  get domains(): readonly string[] {
    return [OWN_DOMAIN, this.#lease?.domain ?? '']
  }

  /** How this machine got its address, for a journey. */
  addressStep(): Measures['address'] {
    const lease = this.#lease
    const nowMs = this.#options.clock.nowMs()
    if (lease === undefined) return { sentence: `This machine has no lease: ${this.#noLeaseReason}`, tookMs: 0, fromMs: nowMs, toMs: nowMs }
    const ageMs = Math.max(0, nowMs - lease.obtainedAtMs)
    const sentence = `${lease.address} was leased from the DHCP server ${lease.server} ${formatMs(ageMs)} ago, for ${formatLeaseTime(lease.leaseSeconds)}`
    return { sentence, tookMs: lease.tookMs, ...spanOfLease(lease) }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelWait()
    const dns = this.#dns
    this.#dns = undefined
    this.#settleChosen()
    await this.#kept.stop()
    await dns?.resolver.close()
  }

  #learned(lease: Lease): void {
    if (this.#stopped) return
    this.#lease = lease
    if (this.#options.named === undefined) this.#choose(leasedDnsServer(lease))
    this.#options.leased(lease)
  }

  #lost(why: string): void {
    if (!this.#stopped && (why !== this.#noLeaseReason || this.#lease !== undefined)) this.#options.log(`No lease: ${why}`)
    this.#lease = undefined
    this.#noLeaseReason = why
  }

  #choose({ server, sentence }: DnsChoice): void {
    if (this.#dns !== undefined && formatEndpoint(this.#dns.server) === formatEndpoint(server)) return
    this.#options.log(sentence)
    this.#resolveBy(server)
    this.#settleChosen()
  }

  /** Starts a resolver for this server with an empty cache. The one before it still finishes its lookups. */
  #resolveBy(server: Endpoint): void {
    const before = this.#dns
    const { clock, random, trace } = this.#options
    this.#dns = { resolver: createResolver({ servers: [server], clock, random, trace }), server }
    if (before !== undefined) void Promise.allSettled(this.#lookups).then(() => before.resolver.close())
  }
}
