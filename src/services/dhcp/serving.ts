/**
 * The DHCP server on the networks that this machine has now: machine, sockets, and the look for other servers. When the networks
 * change the sockets go along, and another machine goes on with the same leases.
 */
import { formatIpv4, isLoopback } from '../kit/ip-address.ts'
import { drive, type Driver } from '../kit/node/drive.ts'
import type { ServiceContext } from '../kit/node/service.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import { storedMac } from './client.ts'
import { probeAddress } from './conflict-probe.ts'
import type { dhcp } from './contract.ts'
import type { LeaseRecord } from './core/binding.ts'
import type { AllocationOptions, ServerEvent } from './core/allocator.ts'
import type { ServedNetwork } from './core/pools.ts'
import { OtherServers, type OtherServer } from './core/other-servers.ts'
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
  readonly lending: AllocationOptions
  readonly store: LeaseStore
  readonly onEvent: (event: Exclude<ServerEvent, { kind: 'probe' }>) => void
  readonly onRival: (rival: OtherServer) => void
}

const STANDARD_PORT = 67

export class Serving {
  readonly #options: ServingOptions
  readonly #sockets: Sockets
  readonly #intake: Intake
  readonly #mac: Uint8Array
  readonly #rivals: OtherServers
  #networks: readonly ServedNetwork[]
  /** Where addresses were seen since the sockets were opened. */
  #places: ReadonlySet<string>
  #machine: DhcpServer
  #driver: Driver
  #watch: OtherServerMonitor | undefined

  /** @throws HamletError port-taken, port-not-permitted, address-not-local */
  static async open(options: ServingOptions): Promise<Serving> {
    const { context: { settings, dataFolder, random, trace, clock, log }, networks } = options
    const mac = parseMac(await storedMac(dataFolder, random)) ?? new Uint8Array(6)
    let serving: Serving | undefined
    const sockets = await Sockets.open({
      host: settings.host, port: settings.port, io: settings.io, log,
      open: one => openTracedDoor({
        ...one, io: settings.io, onError: error => log(`a DHCP socket reports ${error.message}`),
        receive: batch => { if (serving !== undefined) serving.#intake.take(batch) }, // Until all sockets are open nobody is heard.
      }, trace, 'dhcp', clock),
    }, ownAddresses(networks))
    return serving = new Serving(options, sockets, mac)
  }

  private constructor(options: ServingOptions, sockets: Sockets, mac: Uint8Array) {
    const { context: { clock, log, settings }, networks, store } = options
    this.#options = options
    this.#sockets = sockets
    this.#mac = mac
    this.#rivals = new OtherServers(settings.beside_others)
    this.#intake = new Intake({ receive: (bytes, path, nowMs) => this.#machine.receive(bytes, path, nowMs), drain: () => this.#driver.drain(), unsafe: () => store.waiting, clock, log })
    this.#networks = networks
    this.#places = new Set(placesOf(networks))
    this.#machine = this.#machineWith(store.records)
    this.#driver = this.#drive(this.#machine)
    store.live = () => this.#machine.records()
    store.onSettled = () => this.#intake.wake()
    this.#watch = this.#watchRivals()
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

  /** Undefined where nobody but Hamlet's own clients is served anyway. */
  get watch(): OtherServerMonitor | undefined {
    return this.#watch
  }

  /**
   * Serves these networks from now on; what they have in common with those before goes on.
   * @returns whether they are others
   */
  async follow(networks: readonly ServedNetwork[]): Promise<boolean> {
    const { health } = this.#options.context
    const changed = JSON.stringify(networks.map(shapeOf)) !== JSON.stringify(this.#networks.map(shapeOf))
    if (changed) {
      await this.#watch?.stop()
      this.#driver.stop()
      const records = this.#machine.records()
      this.#networks = networks
      this.#machine = this.#machineWith(records)
      this.#driver = this.#drive(this.#machine)
      this.#watch = this.#watchRivals()
      this.#driver.drain()
    }
    const closed = await this.#sockets.follow(ownAddresses(networks), this.#isNamedAnew())
    health.set('sockets', closed.length === 0 ? undefined : `nobody is answered from ${closed.join(', ')}, for its port could not be opened; it is tried again every few seconds`)
    return changed
  }

  /** An address is on an interface of a name that it was not on since the sockets were opened. */
  #isNamedAnew(): boolean {
    const now = placesOf(this.#networks)
    if (now.every(place => this.#places.has(place))) return false
    this.#places = new Set(now)
    return true
  }

  /** Takes an address back before its time. False: nobody has it. */
  release(yiaddr: number): boolean {
    const released = this.#machine.release(yiaddr)
    this.#driver.drain()
    return released
  }

  async close(): Promise<void> {
    await this.#watch?.stop()
    this.#intake.stop()
    this.#driver.stop()
    await this.#sockets.close()
  }

  #machineWith(records: readonly LeaseRecord[]): DhcpServer {
    return new DhcpServer({ ...this.#options.lending, networks: this.#networks, records })
  }

  #drive(machine: DhcpServer): Driver {
    const { context: { clock }, store, onEvent } = this.#options
    const knock = async (yiaddr: number, from: number | undefined) => {
      machine.probed(yiaddr, await probeAddress(formatIpv4(yiaddr), formatIpv4(from ?? 0), clock), clock.nowMs())
      driver.drain()
    }
    const driver = drive({
      machine, clock, journal: store, door: () => this.#sockets, onDiskError: error => store.failed(error),
      onEvent: event => event.kind === 'probe' ? void knock(event.yiaddr, event.network.serverAddress) : onEvent(event),
    })
    return driver
  }

  /** On port 67 of a network strangers are served, so it matters who else serves them. */
  #watchRivals(): OtherServerMonitor | undefined {
    const { context: { clock, random, trace, log, settings, health }, onRival } = this.#options
    if (this.port !== STANDARD_PORT || isLoopback(settings.host)) return undefined
    const machine = this.#machine
    const wires = this.#networks.flatMap(({ loopback, interfaceName, serverAddress }) =>
      loopback || serverAddress === undefined ? [] : [{ interfaceName, address: formatIpv4(serverAddress) }])
    return new OtherServerMonitor({
      wires, rivals: this.#rivals, clock, random, trace, log, mac: this.#mac,
      ignore: xid => machine.ignore(xid), restrict: hamletOnly => { machine.hamletOnly = hamletOnly },
      onFound: onRival, setHealth: reason => health.set('others', reason),
    })
  }
}

/** This machine's addresses on the networks that are served. */
export function ownAddresses(networks: readonly ServedNetwork[]): string[] {
  return networks.flatMap(({ serverAddress }) => serverAddress === undefined ? [] : [formatIpv4(serverAddress)])
}

function placesOf(networks: readonly ServedNetwork[]): string[] {
  return networks.map(({ interfaceName, serverAddress }) => `${interfaceName} ${serverAddress ?? ''}`)
}

/** What makes one network the same as another. */
function shapeOf({ interfaceName, serverAddress, own, subnet, router }: ServedNetwork): unknown {
  return [interfaceName, serverAddress, own, subnet.network, subnet.prefixBits, router]
}
