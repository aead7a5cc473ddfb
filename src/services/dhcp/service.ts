/** The DHCP server as a service: its leases on disk, its clients' names in the DNS, on the networks that this machine has (serving.ts). */
import { parseEndpoint, type Endpoint } from '../kit/endpoint.ts'
import { oneLine, partsOf, UsageError } from '../kit/errors.ts'
import { formatIpv4, isLoopback, isWildcard, parseIpv4 } from '../kit/ip-address.ts'
import { localIpv4Addresses } from '../kit/node/local-addresses.ts'
import { implement } from '../kit/node/service.ts'
import { describeIo } from '../kit/node/udp/open-door.ts'
import { dhcp } from './contract.ts'
import type { Binding } from './core/binding.ts'
import { ClientNames } from './core/client-names.ts'
import { checkTimes } from './core/lease-times.ts'
import { networkLabel, type AllocationOptions, type ServerEvent } from './core/allocator.ts'
import { NameTable } from './core/name-table.ts'
import { parseOptionSettings } from './core/option-settings.ts'
import { isLeftOut, networksToServe, type ServedNetwork } from './core/pools.ts'
import { parseReservation } from './core/address-settings.ts'
import { candidatesFor } from './interfaces.ts'
import { LeaseClock } from './lease-clock.ts'
import { LeaseStore } from './lease-store.ts'
import { Names } from './names.ts'
import { localTime, Reporting } from './reporting.ts'
import { ownAddresses, Serving, type Context } from './serving.ts'
import { RegisteredNames } from './registered-names.ts'
import { optionsThatMayNotFit } from './wire/option-layout.ts'
import { optionBytes } from './wire/options.ts'

export const dhcpService = implement(dhcp, async given => {
  const { settings, log, health } = given
  const networksNow = networksOfMachine(settings, log)
  const networks = networksNow()
  const lending = lendingBy(settings, networks, log)
  const store = await LeaseStore.open({ dataFolder: given.dataFolder, clock: given.clock, log, setHealth: reason => health.set('disk', reason) })
  const clock = new LeaseClock({
    clock: given.clock, wallMs: () => Date.now(),
    onSet(byMs) {
      log(`the clock of this machine was set by ${Math.round(byMs / 1000)} s: leases go with it`)
      serving.machine.clockSet(byMs)
      store.rewrite()
    },
  })
  const context = { ...given, clock }
  const reporting = new Reporting(context, yiaddr => serving.machine.bindingAt(yiaddr))
  const giveUp = async (error: unknown): Promise<never> => {
    clock.stop()
    await store.close()
    throw error
  }
  const registration = await registrationOf(context, lending.names).catch(giveUp)
  const serving = await Serving.open({
    context, networks, lending, store, onRival: rival => reporting.rival(rival),
    onEvent(event) {
      reporting.report(event)
      registration?.heed(event)
      health.set('pools', serving.machine.exhaustion())
    },
  }).catch(async (error: unknown) => {
    await registration?.stop()
    return giveUp(error)
  })
  const takeUp = () => {
    reporting.refresh(serving.machine.taken())
    health.set('pools', serving.machine.exhaustion())
    registration?.takeUp(serving.machine.leased())
  }
  takeUp()
  context.printContractLine(`Server is running on port ${serving.port}. Press Ctrl+C to stop.`)
  log(describeIo(context.settings.io))
  for (const network of networks) log(sentenceOf(network))
  const endpoints = () => ownAddresses(serving.networks).map(address => ({ name: 'dhcp', transport: 'udp' as const, address, port: serving.port }))
  const stopFollowing = follow({ context, serving, networksNow }, () => {
    takeUp()
    context.setEndpoints(endpoints())
  })
  return {
    endpoints: endpoints(),
    pinned: { port: serving.port },
    commands: {
      release: async ({ yiaddr }) => ({ released: serving.release(parseIpv4(yiaddr) ?? 0) }),
      serve_everyone: async ({ confirmation }) => {
        if (serving.watch === undefined) throw new UsageError('nothing was changed', 'other DHCP servers matter on port 67 of a network only', 'set --port 67 and --host 0.0.0.0')
        serving.watch.confirm(confirmation)
        return {}
      },
    },
    stop: async () => {
      clock.stop()
      await stopFollowing()
      await serving.close()
      await registration?.stop()
      await store.close()
      sayWhatStays(serving.machine.taken(), log)
    },
  }
})

type Settings = Context['settings']
const DNS_PORT = 53
const WILDCARD = 0
/** A cable that is plugged in is served so long after. */
const LOOK_EVERY_MS = 5_000

/**
 * A look at the interfaces that are up: the networks to serve. The log says once which interfaces are left out.
 * @returns the look, which throws UsageError where the settings do not fit
 */
function networksOfMachine(settings: Settings, log: Context['log']): () => ServedNetwork[] {
  const told = new Set<string>()
  return () => {
    const candidates = candidatesFor(settings.host, settings.interface)
    const networks = networksToServe(candidates, settings, localIpv4Addresses().map(({ address }) => parseIpv4(address) ?? 0))
    const leftOut = settings.pool === undefined ? candidates.filter(isLeftOut) : []
    for (const { interfaceName, address } of leftOut) {
      if (told.has(interfaceName)) continue
      told.add(interfaceName)
      log(`${interfaceName} is left out: its address ${formatIpv4(address)} is link-local, and such addresses are not to be given by DHCP (RFC 3927); --host or --pool would serve it`)
    }
    return networks
  }
}

interface Followed {
  readonly context: Context
  readonly serving: Serving
  readonly networksNow: () => ServedNetwork[]
}

/**
 * Looks at the interfaces every few seconds, and serves what has changed. Where the settings do not fit them any more (the cable of
 * `--pool` is out), what is served stays, for it comes back.
 */
function follow({ context: { clock, log, health }, serving, networksNow }: Followed, onChange: () => void): () => Promise<void> {
  let cancel = () => {}
  let looking: Promise<void> | undefined
  let stopped = false
  const look = async () => {
    const networks = thoseThatFit(networksNow) ?? serving.networks
    if (!await serving.follow(networks)) return
    log('the interfaces of this machine have changed')
    for (const network of networks) log(sentenceOf(network))
    onChange()
  }
  const lookSoon = () => {
    cancel = clock.wakeAt(clock.nowMs() + LOOK_EVERY_MS, () => {
      looking = look().then(() => health.set('interfaces', undefined), (error: unknown) => health.set('interfaces', `changes of the interfaces are not followed: ${oneLine(error)}`))
        .finally(() => { if (!stopped) lookSoon() })
    })
  }
  lookSoon()
  return async () => {
    stopped = true
    cancel()
    await looking
  }
}

function thoseThatFit(networksNow: () => ServedNetwork[]): ServedNetwork[] | undefined {
  try {
    return networksNow()
  } catch (error) {
    if (partsOf(error).code !== 'usage') throw error
    return undefined
  }
}

/** @throws UsageError: the DNS server has no IPv4 address; an option cannot be told, or not beside the others */
function lendingBy(settings: Settings, networks: readonly ServedNetwork[], log: Context['log']): AllocationOptions {
  const dns = dnsOf(settings)
  const dnsAddress = dns === undefined ? undefined : parseIpv4(dns.address)
  if (dns !== undefined && dnsAddress === undefined) throw new UsageError(`--dns cannot be ${settings.dns ?? ''}`, 'DHCP for IPv4 has no room for an IPv6 address', 'give the IPv4 address of the DNS server')
  if (dns !== undefined && isLoopback(dns.address) && networks.some(({ loopback }) => !loopback)) {
    log(`clients are told that the DNS server is ${dns.address}, which is their own machine to them; leave --dns out to tell them this machine's address`)
  }
  const options = parseOptionSettings(settings.option)
  checkTimes(settings.lease, options)
  const codes = optionsThatMayNotFit(optionBytes(options))
  if (codes.length > 0) log(`option ${codes.join(', ')} may not be told: a client need not take messages of more than 576 bytes, and those have no room for all that is set`)
  return {
    // The wildcard stands for this machine: each client is told its address in the client's network.
    dnsAddress: dnsAddress === WILDCARD ? undefined : dnsAddress, dnsPort: dns?.port ?? DNS_PORT, dnsAdminPort: settings.dns_admin_port, leaseSeconds: settings.lease, domain: settings.domain,
    names: namesBy(settings), options, probe: !settings.no_probe, rapidCommit: settings.rapid_commit,
  }
}

function dnsOf({ dns }: Settings): Endpoint | undefined {
  return dns === undefined ? undefined : parseEndpoint(dns, DNS_PORT)
}

function namesBy({ no_names, domain, reserve }: Settings): NameTable | undefined {
  return no_names || domain === '' ? undefined : new NameTable(new ClientNames(domain, reserve.map(parseReservation)))
}

/** Names of clients go to the DNS server that clients are told; undefined where the person does not want that. */
async function registrationOf({ settings, dataFolder, clock, log }: Context, book: NameTable | undefined) {
  if (book === undefined) return undefined
  const told = await RegisteredNames.open({ dataFolder, log })
  book.pend(told.names) // What has ended meanwhile is withdrawn.
  const dns = dnsOf(settings)?.address
  // A DNS server of this machine has its admin port on loopback.
  const isHere = dns === undefined || isWildcard(dns) || localIpv4Addresses().some(({ address }) => address === dns)
  const names = new Names({ book, told, server: { address: isHere ? '127.0.0.1' : dns, port: settings.dns_admin_port }, clock, log })
  return {
    /** Leases that run, when the service begins and when other networks are served. */
    takeUp(leased: readonly Binding[]) {
      for (const { yiaddr, client } of leased) book.leased(yiaddr, client)
      names.tell()
    },
    heed(event: ServerEvent) {
      if (event.kind === 'leased') book.leased(event.binding.yiaddr, event.binding.client)
      else if (event.kind === 'released' || event.kind === 'expired' || event.kind === 'declined') book.ended(event.binding.yiaddr)
      else return
      names.tell()
    },
    stop: () => names.stop(),
  }
}

function sentenceOf(network: ServedNetwork): string {
  const { serverAddress, pool } = network
  return `DHCP lends ${formatIpv4(pool.first)} to ${formatIpv4(pool.last)} on ${networkLabel(network)}${serverAddress === undefined ? ', behind a relay' : ` as ${formatIpv4(serverAddress)}`}`
}

/** Stopping takes nothing back: clients use what they have until it ends. */
function sayWhatStays(taken: readonly Binding[], log: (text: string) => void): void {
  const leased = taken.filter(({ state }) => state === 'leased')
  if (leased.length === 0) return
  const lastMs = leased.reduce((latest, { expiresAtMs }) => Math.max(latest, expiresAtMs), 0)
  const until = lastMs === Infinity ? '' : ` until ${localTime(lastMs)} at the latest`
  log(`${leased.length === 1 ? '1 address stays' : `${leased.length} addresses stay`} with ${leased.length === 1 ? 'its client' : 'their clients'}${until}; nobody renews them now`)
}
