/**
 * The DHCP server as a service: leases on disk, clients' names in the DNS, and the server on the networks of this
 * machine (serving.ts).
 */
import { parseEndpoint, type Endpoint } from '../kit/endpoint.ts'
import { oneLine, partsOf, UsageError } from '../kit/errors.ts'
import { formatIpv4, isLoopback, isWildcard, parseIpv4 } from '../kit/ip-address.ts'
import { localIpv4Addresses } from '../kit/node/local-addresses.ts'
import { implement } from '../kit/node/service.ts'
import { describeIo } from '../kit/node/udp/open-door.ts'
import { dhcp } from './contract.ts'
import { parseReservation } from './core/address-settings.ts'
import { networkLabel, type AllocationOptions, type ServerEvent } from './core/allocator.ts'
import type { Binding } from './core/binding.ts'
import { ClientNames } from './core/client-names.ts'
import { checkTimes } from './core/lease-times.ts'
import { NameTable } from './core/name-table.ts'
import { parseOptionSettings } from './core/option-settings.ts'
import { isLeftOut, networksToServe, type ServedNetwork } from './core/pools.ts'
import { candidatesFor } from './interfaces.ts'
import { LeaseClock } from './lease-clock.ts'
import { LeaseStore } from './lease-store.ts'
import { NameRegistration } from './name-registration.ts'
import { RegisteredNames } from './registered-names.ts'
import { localTime, Reporting } from './reporting.ts'
import { ownAddresses, Serving, type Context } from './serving.ts'
import { optionsThatMayNotFit } from './wire/option-layout.ts'
import { optionBytes } from './wire/options.ts'

export const dhcpService = implement(dhcp, async given => {
  const { settings, log, health } = given
  const networksNow = networksOfMachine(settings, log)
  const networks = networksNow()
  const allocation = allocationOptions(settings, networks, log)
  const store = await LeaseStore.open({ dataFolder: given.dataFolder, clock: given.clock, log, setHealth: reason => health.set('disk', reason) })
  const clock = new LeaseClock({
    clock: given.clock, wallMs: () => Date.now(),
    onSet(byMs) {
      log(`the clock of this machine was set by ${Math.round(byMs / 1000)} s; the leases were shifted with it`)
      serving.machine.clockSet(byMs)
      store.rewrite()
    },
  })
  const context = { ...given, clock }
  const reporting = new Reporting(context, yiaddr => serving.machine.bindingAt(yiaddr))
  const abort = async (error: unknown): Promise<never> => {
    clock.stop()
    await store.close()
    throw error
  }
  const registration = await registrationOf(context, allocation.names).catch(abort)
  const serving = await Serving.open({
    context, networks, allocation, store, onOtherServer: other => reporting.otherServer(other),
    onEvent(event) {
      reporting.report(event)
      registration?.handle(event)
      health.set('pools', serving.machine.exhaustion())
    },
  }).catch(async (error: unknown) => {
    await registration?.stop()
    return abort(error)
  })
  const refresh = () => {
    reporting.refresh(serving.machine.taken())
    health.set('pools', serving.machine.exhaustion())
    registration?.refresh(serving.machine.leased())
  }
  refresh()
  context.printContractLine(`Server is running on port ${serving.port}. Press Ctrl+C to stop.`)
  log(describeIo(context.settings.io))
  for (const network of networks) log(describeNetwork(network))
  const endpoints = () => ownAddresses(serving.networks).map(address => ({ name: 'dhcp', transport: 'udp' as const, address, port: serving.port }))
  const stopFollowing = follow({ context, serving, networksNow }, () => {
    refresh()
    context.setEndpoints(endpoints())
  })
  return {
    endpoints: endpoints(),
    pinned: { port: serving.port },
    commands: {
      release: async ({ yiaddr }) => ({ released: serving.release(parseIpv4(yiaddr) ?? 0) }),
      serve_everyone: async ({ confirmation }) => {
        if (serving.monitor === undefined) throw new UsageError('nothing was changed', 'other DHCP servers matter only on port 67 of a network', 'set --port 67 and --host 0.0.0.0')
        serving.monitor.confirm(confirmation)
        return {}
      },
    },
    stop: async () => {
      clock.stop()
      await stopFollowing()
      await serving.close()
      await registration?.stop()
      await store.close()
      logRemainingLeases(serving.machine.taken(), log)
    },
  }
})

type Settings = Context['settings']
const DNS_PORT = 53
const WILDCARD = 0
/** How long a newly connected interface waits to be served, at most. */
const CHECK_INTERFACES_EVERY_MS = 5_000

/**
 * Finds the networks to serve from the interfaces that are up. Logs once for each interface that is left out.
 * @returns a function that looks at the interfaces, and throws UsageError if the settings do not fit them
 */
function networksOfMachine(settings: Settings, log: Context['log']): () => ServedNetwork[] {
  const logged = new Set<string>()
  return () => {
    const candidates = candidatesFor(settings.host, settings.interface)
    const networks = networksToServe(candidates, settings, localIpv4Addresses().map(({ address }) => parseIpv4(address) ?? 0))
    const leftOut = settings.pool === undefined ? candidates.filter(isLeftOut) : []
    for (const { interfaceName, address } of leftOut) {
      if (logged.has(interfaceName)) continue
      logged.add(interfaceName)
      log(`${interfaceName} is not served: its address ${formatIpv4(address)} is link-local, and such addresses must not be assigned by DHCP (RFC 3927); use --host or --pool to serve it`)
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
 * Checks the interfaces every few seconds, and serves them as they are then. If the settings no longer fit them,
 * because the cable of the interface of `--pool` is unplugged, the networks stay as they are until it is back.
 */
function follow({ context: { clock, log, health }, serving, networksNow }: Followed, onChange: () => void): () => Promise<void> {
  let cancel = () => {}
  let checking: Promise<void> | undefined
  let stopped = false
  const check = async () => {
    const networks = networksThatFit(networksNow) ?? serving.networks
    if (!await serving.follow(networks)) return
    log('the interfaces of this machine have changed')
    for (const network of networks) log(describeNetwork(network))
    onChange()
  }
  const checkLater = () => {
    cancel = clock.wakeAt(clock.nowMs() + CHECK_INTERFACES_EVERY_MS, () => {
      checking = check().then(() => health.set('interfaces', undefined), (error: unknown) => health.set('interfaces', `changes of the interfaces are not followed: ${oneLine(error)}`))
        .finally(() => { if (!stopped) checkLater() })
    })
  }
  checkLater()
  return async () => {
    stopped = true
    cancel()
    await checking
  }
}

function networksThatFit(networksNow: () => ServedNetwork[]): ServedNetwork[] | undefined {
  try {
    return networksNow()
  } catch (error) {
    if (partsOf(error).code !== 'usage') throw error
    return undefined
  }
}

/** @throws UsageError if the DNS server has no IPv4 address, or an option is invalid or conflicts with another */
function allocationOptions(settings: Settings, networks: readonly ServedNetwork[], log: Context['log']): AllocationOptions {
  const dns = dnsOf(settings)
  const dnsAddress = dns === undefined ? undefined : parseIpv4(dns.address)
  if (dns !== undefined && dnsAddress === undefined) throw new UsageError(`--dns cannot be ${settings.dns ?? ''}`, 'DHCP for IPv4 cannot carry an IPv6 address', 'give the IPv4 address of the DNS server')
  if (dns !== undefined && isLoopback(dns.address) && networks.some(({ loopback }) => !loopback)) {
    log(`clients get ${dns.address} as their DNS server, which to them is their own machine; leave --dns out to give them this machine's address`)
  }
  const options = parseOptionSettings(settings.option)
  checkTimes(settings.lease, options)
  const codes = optionsThatMayNotFit(optionBytes(options))
  if (codes.length > 0) log(`option ${codes.join(', ')} may be left out: a client need not accept more than 576 bytes, and the options set do not all fit into that`)
  return {
    // 0.0.0.0 means this machine: each client gets its address in the client's own network.
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

/** Registers clients' names at the DNS server that clients are given. Undefined if the user does not want that. */
async function registrationOf({ settings, dataFolder, clock, log }: Context, table: NameTable | undefined) {
  if (table === undefined) return undefined
  const registered = await RegisteredNames.open({ dataFolder, log })
  table.pend(registered.names) // To withdraw those whose leases ended while the server was down.
  const dns = dnsOf(settings)?.address
  // A DNS server on this machine has its admin port on loopback.
  const isLocal = dns === undefined || isWildcard(dns) || localIpv4Addresses().some(({ address }) => address === dns)
  const names = new NameRegistration({ table, registered, server: { address: isLocal ? '127.0.0.1' : dns, port: settings.dns_admin_port }, clock, log })
  return {
    /** The current leases, when the service starts and when the served networks change. */
    refresh(leased: readonly Binding[]) {
      for (const { yiaddr, client } of leased) table.leased(yiaddr, client)
      names.update()
    },
    handle(event: ServerEvent) {
      if (event.kind === 'leased') table.leased(event.binding.yiaddr, event.binding.client)
      else if (event.kind === 'released' || event.kind === 'expired' || event.kind === 'declined') table.ended(event.binding.yiaddr)
      else return
      names.update()
    },
    stop: () => names.stop(),
  }
}

function describeNetwork(network: ServedNetwork): string {
  const { serverAddress, pool } = network
  return `DHCP serves ${formatIpv4(pool.first)}-${formatIpv4(pool.last)} on ${networkLabel(network)}${serverAddress === undefined ? ', behind a relay' : ` as ${formatIpv4(serverAddress)}`}`
}

/** Stopping the server ends no lease: clients keep their addresses until the leases expire. */
function logRemainingLeases(taken: readonly Binding[], log: (text: string) => void): void {
  const leased = taken.filter(({ state }) => state === 'leased')
  if (leased.length === 0) return
  const lastMs = leased.reduce((latest, { expiresAtMs }) => Math.max(latest, expiresAtMs), 0)
  const until = lastMs === Infinity ? '' : ` until ${localTime(lastMs)} at the latest`
  log(`${leased.length === 1 ? '1 address remains' : `${leased.length} addresses remain`} leased${until}, and cannot be renewed while the server is stopped`)
}
