/**
 * The DHCP server on real sockets and disk. core/server.ts decides; this file opens, joins and closes.
 *
 * For clients on other machines there is one socket for 0.0.0.0, which hears broadcasts, and one for each served address,
 * which sends: the system picks the interface by the address that a socket is bound to. On 127.0.0.1 there is one socket.
 */
import { parseEndpoint, type Endpoint } from '../kit/endpoint.ts'
import { UsageError } from '../kit/errors.ts'
import { formatIpv4, isLoopback, parseIpv4 } from '../kit/ip-address.ts'
import { drive } from '../kit/node/drive.ts'
import { implement, type ServiceContext } from '../kit/node/service.ts'
import { describeIo, openDoor } from '../kit/node/udp/open-door.ts'
import type { DatagramBatch, DatagramDoor } from '../kit/node/udp/door.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import { storedMac } from './client.ts'
import { holderOf } from './conflict-probe.ts'
import { dhcp } from './contract.ts'
import type { Binding } from './core/leases.ts'
import { nameOf, type LendingOptions, type ServerEvent } from './core/lender.ts'
import { NameBook } from './core/name-book.ts'
import { parseOptionTexts } from './core/option-texts.ts'
import { networksToServe, type ServedNetwork } from './core/pools.ts'
import { DhcpServer } from './core/server.ts'
import { Health } from './health.ts'
import { Intake } from './intake.ts'
import { candidatesFor } from './interfaces.ts'
import { LeaseStore } from './lease-store.ts'
import { Names } from './names.ts'
import { localTime, Reporting } from './reporting.ts'
import { RivalWatch } from './rival-watch.ts'
import { parseMac } from './wire/hardware-address.ts'

type Context = ServiceContext<typeof dhcp>

export const dhcpService = implement(dhcp, async context => {
  const { settings, clock, log } = context
  const networks = networksToServe(candidatesFor(settings.host, settings.interface), settings)
  const lending = lendingBy(context, networks)
  const health = new Health(context.setHealth)
  const store = await LeaseStore.open({ dataFolder: context.dataFolder, log, setHealth: reason => health.set('disk', reason) })
  const machine = new DhcpServer({ ...lending, networks, records: store.records })
  store.live = () => machine.records(clock.nowMs())
  const reporting = new Reporting(context, yiaddr => machine.bindingAt(yiaddr))
  const registration = registrationOf(context, networks)
  const driver = drive({
    machine, clock, journal: store, door: () => door, onDiskError: error => store.failed(error),
    onEvent(event) {
      if (event.kind === 'probe') return void knock(event)
      reporting.report(event)
      registration?.heed(event)
    },
  })
  const knock = async ({ yiaddr, network: { serverAddress } }: ProbeEvent) => {
    const holder = await holderOf(formatIpv4(yiaddr), formatIpv4(serverAddress ?? 0), clock)
    machine.probed(yiaddr, holder, clock.nowMs())
    driver.drain()
  }
  const intake = new Intake({ receive: (bytes, path, nowMs) => machine.receive(bytes, path, nowMs), drain: () => driver.drain(), unsafe: () => store.waiting, clock, log })
  store.onSettled = () => intake.wake()
  const door = await openSockets(context, networks, intake.take).catch(async (error: unknown) => {
    driver.stop()
    await store.close()
    throw error
  })
  const port = door.locals[0]?.port ?? settings.port
  driver.drain()
  for (const binding of machine.taken()) {
    reporting.showRow(binding.yiaddr)
    registration?.heed({ kind: 'leased', binding })
  }
  context.printContractLine(`Server is running on port ${port}. Press Ctrl+C to stop.`)
  for (const network of networks) log(sentenceOf(network))
  const watch = await watchRivals(context, networks, port, machine, reporting, health)
  return {
    endpoints: ownAddresses(networks).map(address => ({ name: 'dhcp', transport: 'udp' as const, address, port })),
    pinned: { port },
    commands: {
      release: async ({ yiaddr }) => {
        const released = machine.release(parseIpv4(yiaddr) ?? 0)
        driver.drain()
        return { released }
      },
      serve_everyone: async ({ confirmation }) => {
        if (watch === undefined) throw new UsageError('nothing was changed', 'other DHCP servers matter on port 67 of a network only', 'set --port 67 and --host 0.0.0.0')
        watch.confirm(confirmation)
        return {}
      },
    },
    stop: async () => {
      await watch?.stop()
      intake.stop()
      driver.stop()
      await door.close()
      await registration?.stop()
      await store.close()
      sayWhatStays(machine.taken(), log)
    },
  }
})

type ProbeEvent = Extract<ServerEvent, { kind: 'probe' }>
const DNS_PORT = 53
const STANDARD_PORT = 67

/** @throws UsageError: the DNS server has no IPv4 address */
function lendingBy({ settings, log }: Context, networks: readonly ServedNetwork[]): LendingOptions {
  const dns = dnsOf(settings)
  const dnsAddress = dns === undefined ? undefined : parseIpv4(dns.address)
  if (dns !== undefined && dnsAddress === undefined) throw new UsageError(`--dns cannot be ${settings.dns ?? ''}`, 'DHCP for IPv4 has no room for an IPv6 address', 'give the IPv4 address of the DNS server')
  if (dns !== undefined && isLoopback(dns.address) && networks.some(({ loopback }) => !loopback)) {
    log(`clients are told that the DNS server is ${dns.address}, which is their own machine to them; leave --dns out to tell them this machine's address`)
  }
  return {
    dnsAddress, dnsPort: dns?.port ?? DNS_PORT, dnsAdminPort: settings.dns_admin_port, leaseSeconds: settings.lease, domain: settings.domain,
    namesRegistered: registersNames(settings), options: parseOptionTexts(settings.option), probe: !settings.no_probe, rapidCommit: settings.rapid_commit,
  }
}

function dnsOf({ dns }: Context['settings']): Endpoint | undefined {
  return dns === undefined ? undefined : parseEndpoint(dns, DNS_PORT)
}

function registersNames({ no_names, domain }: Context['settings']): boolean {
  return !no_names && domain !== ''
}

/** Names of clients go to the DNS server that clients are told; undefined where the person does not want that. */
function registrationOf({ settings, clock, log }: Context, networks: readonly ServedNetwork[]) {
  if (!registersNames(settings)) return undefined
  const reserved = new Set(networks.flatMap(({ reservations }) => [...reservations.values()].map(({ yiaddr }) => yiaddr)))
  const lent = (yiaddr: number) => reserved.has(yiaddr) || networks.some(({ pool }) => yiaddr >= pool.first && yiaddr <= pool.last)
  const book = new NameBook(settings.domain, lent)
  const names = new Names({ book, server: { address: dnsOf(settings)?.address ?? '127.0.0.1', port: settings.dns_admin_port }, clock, log })
  return {
    heed(event: ServerEvent) {
      if (event.kind === 'leased') book.leased(event.binding.yiaddr, event.binding.client.hostName)
      else if (event.kind === 'released' || event.kind === 'expired' || event.kind === 'declined') book.ended(event.binding.yiaddr)
      else return
      names.tell()
    },
    stop: () => names.stop(),
  }
}

/** On port 67 of a network strangers are served, so it matters who else serves them; undefined elsewhere. */
async function watchRivals(context: Context, networks: readonly ServedNetwork[], port: number, machine: DhcpServer, reporting: Reporting, health: Health): Promise<RivalWatch | undefined> {
  const wires = networks.flatMap(({ loopback, interfaceName, serverAddress }) =>
    loopback || serverAddress === undefined ? [] : [{ interfaceName, address: formatIpv4(serverAddress) }])
  if (port !== STANDARD_PORT || wires.length === 0) return undefined
  const { clock, random, trace, log, settings } = context
  return new RivalWatch({
    wires, clock, random, trace, log, mac: parseMac(await storedMac(context.dataFolder, random)) ?? new Uint8Array(6), besideOthers: settings.beside_others,
    ignore: xid => machine.ignore(xid), restrict: hamletOnly => { machine.hamletOnly = hamletOnly },
    onFound: rival => reporting.rival(rival), setHealth: reason => health.set('others', reason),
  })
}

async function openSockets({ settings, trace, clock, log }: Context, networks: readonly ServedNetwork[], receive: (batch: DatagramBatch) => void): Promise<DatagramDoor> {
  const onError = (error: Error) => log(`a DHCP socket reports ${error.message}`)
  log(describeIo(settings.io))
  const common = { receive, onError, io: settings.io }
  if (isLoopback(settings.host)) return openTracedDoor({ ...common, addresses: [settings.host], port: settings.port }, trace, 'dhcp', clock)
  // Sockets that share a port would share it with another DHCP server too, in silence. So the port is first taken alone.
  const alone = await openDoor({ addresses: ['0.0.0.0'], port: settings.port, io: settings.io, receive: () => undefined })
  const port = alone.locals[0]?.port ?? settings.port
  await alone.close()
  const addresses = ['0.0.0.0', ...ownAddresses(networks)]
  return openTracedDoor({ ...common, addresses, port, sharePort: true, broadcast: true }, trace, 'dhcp', clock)
}

/** This machine's addresses on the networks that are served. */
function ownAddresses(networks: readonly ServedNetwork[]): string[] {
  return networks.flatMap(({ serverAddress }) => serverAddress === undefined ? [] : [formatIpv4(serverAddress)])
}

function sentenceOf(network: ServedNetwork): string {
  const { serverAddress, pool } = network
  return `DHCP lends ${formatIpv4(pool.first)} to ${formatIpv4(pool.last)} on ${nameOf(network)}${serverAddress === undefined ? ', behind a relay' : ` as ${formatIpv4(serverAddress)}`}`
}

/** Stopping takes nothing back: clients use what they have until it ends. */
function sayWhatStays(taken: readonly Binding[], log: (text: string) => void): void {
  const leased = taken.filter(({ state }) => state === 'leased')
  if (leased.length === 0) return
  const lastMs = leased.reduce((latest, { expiresAtMs }) => Math.max(latest, expiresAtMs), 0)
  log(`${leased.length === 1 ? '1 address stays' : `${leased.length} addresses stay`} with ${leased.length === 1 ? 'its client' : 'their clients'} until ${localTime(lastMs)} at the latest; nobody renews them now`)
}
