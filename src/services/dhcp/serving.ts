/**
 * Runs the DHCP server on the networks of this machine: the protocol machine, its sockets, and the search for other
 * servers. When the networks change, sockets are opened and closed as needed, and a new machine continues with the same
 * leases.
 */
import { formatIpv4, isLoopback } from '../kit/ip-address.ts'
import { drive, type Driver } from '../kit/node/drive.ts'
import type { ServiceContext } from '../kit/node/service.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import { storedMac } from './client.ts'
import { probeAddress } from './conflict-probe.ts'
import type { dhcp } from './contract.ts'
import type { AllocationOptions, ServerEvent } from './core/allocator.ts'
import type { LeaseRecord } from './core/binding.ts'
import { OtherServers, type OtherServer } from './core/other-servers.ts'
import type { ServedNetwork } from './core/pools.ts'
import { DhcpServer } from './core/server.ts'
import { Intake } from './intake.ts'
import type { LeaseStore } from './lease-store.ts'
import { OtherServerMonitor } from './other-server-monitor.ts'
import { Sockets } from './sockets.ts'
import { parseMac } from './wire/hardware-address.ts'

export type Context = ServiceContext<typeof dhcp>

export interface ServingOptions {
  readonly context: Context
  readonly networks: readonly ServedNetwork[]
  readonly allocation: AllocationOptions
  readonly store: LeaseStore
  readonly onEvent: (event: Exclude<ServerEvent, { kind: 'probe' }>) => void
  readonly onOtherServer: (other: OtherServer) => void
}

const STANDARD_PORT = 67

export class Serving {
  readonly #options: ServingOptions
  readonly #sockets: Sockets
  readonly #intake: Intake
  readonly #mac: Uint8Array
  readonly #otherServers: OtherServers
  #networks: readonly ServedNetwork[]
  /** The interface and address of each network, as of the last time the sockets were all opened. */
  #places: ReadonlySet<string>
  #machine: DhcpServer
  #driver: Driver
  #monitor: OtherServerMonitor | undefined

  /** @throws HamletError port-taken, port-not-permitted, address-not-local */
  static async open(options: ServingOptions): Promise<Serving> {
    const { context: { settings, dataFolder, random, trace, clock, log }, networks } = options
    const mac = parseMac(await storedMac(dataFolder, random)) ?? new Uint8Array(6)
    let serving: Serving | undefined
    const sockets = await Sockets.open({
      host: settings.host, port: settings.port, io: settings.io, log,
      open: one => openTracedDoor({
        ...one, io: settings.io, onError: error => log(`a DHCP socket reports ${error.message}`),
        receive: batch => { if (serving !== undefined) serving.#intake.take(batch) }, // Datagrams are ignored until all sockets are open.
      }, trace, 'dhcp', clock),
    }, ownAddresses(networks))
    return serving = new Serving(options, sockets, mac)
  }

  private constructor(options: ServingOptions, sockets: Sockets, mac: Uint8Array) {
    const { context: { clock, log, settings }, networks, store } = options
    this.#options = options
    this.#sockets = sockets
    this.#mac = mac
    this.#otherServers = new OtherServers(settings.beside_others)
    this.#intake = new Intake({ receive: (bytes, path, nowMs) => this.#machine.receive(bytes, path, nowMs), drain: () => this.#driver.drain(), pendingWrites: () => store.pending, clock, log })
    this.#networks = networks
    this.#places = new Set(placesOf(networks))
    this.#machine = this.#machineWith(store.records)
    this.#driver = this.#drive(this.#machine)
    store.live = () => this.#machine.records()
    store.onSettled = () => this.#intake.wake()
    this.#monitor = this.#startMonitor()
    this.#driver.drain()
  }

  get port(): number {
    return this.#sockets.port
  }

  get networks(): readonly ServedNetwork[] {
    return this.#networks
  }

  get machine(): DhcpServer {
    return this.#machine
  }

  /** Undefined if only Hamlet's own clients are served anyway. */
  get monitor(): OtherServerMonitor | undefined {
    return this.#monitor
  }

  /**
   * Serves these networks from now on. Those that stay the same are served without interruption.
   * @returns whether they differ from the former ones
   */
  async follow(networks: readonly ServedNetwork[]): Promise<boolean> {
    const { health } = this.#options.context
    const changed = JSON.stringify(networks.map(shapeOf)) !== JSON.stringify(this.#networks.map(shapeOf))
    if (changed) {
      await this.#monitor?.stop()
      this.#driver.stop()
      const records = this.#machine.records()
      this.#networks = networks
      this.#machine = this.#machineWith(records)
      this.#driver = this.#drive(this.#machine)
      this.#monitor = this.#startMonitor()
      this.#driver.drain()
    }
    const closed = await this.#sockets.follow(ownAddresses(networks), this.#hasNewPlace())
    health.set('sockets', closed.length === 0 ? undefined : `no client is answered from ${closed.join(', ')}: its port could not be opened; retrying every few seconds`)
    return changed
  }

  /** Whether an address is on an interface name that it was not on when the sockets were opened. */
  #hasNewPlace(): boolean {
    const now = placesOf(this.#networks)
    if (now.every(place => this.#places.has(place))) return false
    this.#places = new Set(now)
    return true
  }

  /** Ends a lease before its time. @returns false if the address is free */
  release(yiaddr: number): boolean {
    const released = this.#machine.release(yiaddr)
    this.#driver.drain()
    return released
  }

  async close(): Promise<void> {
    await this.#monitor?.stop()
    this.#intake.stop()
    this.#driver.stop()
    await this.#sockets.close()
  }

  #machineWith(records: readonly LeaseRecord[]): DhcpServer {
    return new DhcpServer({ ...this.#options.allocation, networks: this.#networks, records })
  }

  #drive(machine: DhcpServer): Driver {
    const { context: { clock }, store, onEvent } = this.#options
    const probe = async (yiaddr: number, from: number | undefined) => {
      machine.probed(yiaddr, await probeAddress(formatIpv4(yiaddr), formatIpv4(from ?? 0), clock), clock.nowMs())
      driver.drain()
    }
    const driver = drive({
      machine, clock, journal: store, door: () => this.#sockets, onDiskError: error => store.failed(error),
      onEvent: event => event.kind === 'probe' ? void probe(event.yiaddr, event.network.serverAddress) : onEvent(event),
    })
    return driver
  }

  /** Only on port 67 of a network can other servers serve the same clients. */
  #startMonitor(): OtherServerMonitor | undefined {
    const { context: { clock, random, trace, log, settings, health }, onOtherServer } = this.#options
    if (this.port !== STANDARD_PORT || isLoopback(settings.host)) return undefined
    const machine = this.#machine
    const links = this.#networks.flatMap(({ loopback, interfaceName, serverAddress }) =>
      loopback || serverAddress === undefined ? [] : [{ interfaceName, address: formatIpv4(serverAddress) }])
    return new OtherServerMonitor({
      links, servers: this.#otherServers, clock, random, trace, log, mac: this.#mac,
      ignore: xid => machine.ignore(xid), restrict: hamletOnly => { machine.hamletOnly = hamletOnly },
      onFound: onOtherServer, setHealth: reason => health.set('others', reason),
    })
  }
}

/** This machine's addresses on the served networks. */
export function ownAddresses(networks: readonly ServedNetwork[]): string[] {
  return networks.flatMap(({ serverAddress }) => serverAddress === undefined ? [] : [formatIpv4(serverAddress)])
}

function placesOf(networks: readonly ServedNetwork[]): string[] {
  return networks.map(({ interfaceName, serverAddress }) => `${interfaceName} ${serverAddress ?? ''}`)
}

/** The properties by which two networks are compared. */
function shapeOf({ interfaceName, serverAddress, own, subnet, router }: ServedNetwork): unknown {
  return [interfaceName, serverAddress, own, subnet.network, subnet.prefixBits, router]
}
