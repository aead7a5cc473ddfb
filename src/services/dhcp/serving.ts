/**
 * The DHCP server on the networks that this machine has now: machine, sockets, and the look for other servers. When the networks
 * change it is closed, and another is opened with the same leases.
 *
 * For clients on other machines there is one socket for 0.0.0.0, which hears broadcasts, and one for each served address,
 * which sends: the system picks the interface by the address that a socket is bound to. On 127.0.0.1 there is one socket.
 */
import { formatIpv4, isLoopback } from '../kit/ip-address.ts'
import { drive, type Driver } from '../kit/node/drive.ts'
import type { ServiceContext } from '../kit/node/service.ts'
import { openDoor } from '../kit/node/udp/open-door.ts'
import type { DatagramBatch, DatagramDoor } from '../kit/node/udp/door.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import { storedMac } from './client.ts'
import { holderOf } from './conflict-probe.ts'
import type { dhcp } from './contract.ts'
import type { LeaseRecord } from './core/leases.ts'
import type { LendingOptions, ServerEvent } from './core/lender.ts'
import type { ServedNetwork } from './core/pools.ts'
import type { Rival } from './core/rivals.ts'
import { DhcpServer } from './core/server.ts'
import type { Health } from './health.ts'
import { Intake } from './intake.ts'
import type { LeaseStore } from './lease-store.ts'
import { RivalWatch } from './rival-watch.ts'
import { parseMac } from './wire/hardware-address.ts'

export type Context = ServiceContext<typeof dhcp>

export interface ServingOptions {
  readonly context: Context
  readonly networks: readonly ServedNetwork[]
  readonly lending: LendingOptions
  readonly records: readonly LeaseRecord[]
  readonly store: LeaseStore
  readonly port: number
  readonly health: Health
  readonly onEvent: (event: Exclude<ServerEvent, { kind: 'probe' }>) => void
  readonly onRival: (rival: Rival) => void
}

const STANDARD_PORT = 67
/** In a crowd, what a question may wait to be read together with others. */
const REST_MS = 1

export class Serving {
  readonly machine: DhcpServer
  readonly networks: readonly ServedNetwork[]
  readonly port: number
  /** Undefined where nobody but Hamlet's own clients is served anyway. */
  readonly watch: RivalWatch | undefined
  readonly #driver: Driver
  readonly #intake: Intake
  readonly #door: DatagramDoor

  /** @throws HamletError port-taken, port-not-permitted, address-not-local */
  static async open(options: ServingOptions): Promise<Serving> {
    const { context, networks, lending, records, store, onEvent } = options
    const { clock, log } = context
    const machine = new DhcpServer({ ...lending, networks, records })
    const knock = async (yiaddr: number, from: number | undefined) => {
      const holder = await holderOf(formatIpv4(yiaddr), formatIpv4(from ?? 0), clock)
      machine.probed(yiaddr, holder, clock.nowMs())
      driver.drain()
    }
    const driver = drive({
      machine, clock, journal: store, door: () => door, onDiskError: error => store.failed(error),
      onEvent: event => event.kind === 'probe' ? void knock(event.yiaddr, event.network.serverAddress) : onEvent(event),
    })
    const intake = new Intake({ receive: (bytes, path, nowMs) => machine.receive(bytes, path, nowMs), drain: () => driver.drain(), unsafe: () => store.waiting, clock, log })
    const watched = options.port === STANDARD_PORT ? { mac: parseMac(await storedMac(context.dataFolder, context.random)) ?? new Uint8Array(6) } : undefined
    const door = await openSockets(options, intake.take)
    store.live = () => machine.records(clock.nowMs())
    store.onSettled = () => intake.wake()
    const port = door.locals[0]?.port ?? options.port
    return new Serving(machine, driver, intake, door, options, port, watched && watchRivals(options, watched.mac, machine))
  }

  private constructor(machine: DhcpServer, driver: Driver, intake: Intake, door: DatagramDoor, { networks }: ServingOptions, port: number, watch: RivalWatch | undefined) {
    this.machine = machine
    this.networks = networks
    this.port = port
    this.watch = watch
    this.#driver = driver
    this.#intake = intake
    this.#door = door
    driver.drain()
  }

  /** Takes an address back before its time. False: nobody has it. */
  release(yiaddr: number): boolean {
    const released = this.machine.release(yiaddr)
    this.#driver.drain()
    return released
  }

  async close(): Promise<void> {
    await this.watch?.stop()
    this.#intake.stop()
    this.#driver.stop()
    await this.#door.close()
  }
}

/** This machine's addresses on the networks that are served. */
export function ownAddresses(networks: readonly ServedNetwork[]): string[] {
  return networks.flatMap(({ serverAddress }) => serverAddress === undefined ? [] : [formatIpv4(serverAddress)])
}

/** On port 67 of a network strangers are served, so it matters who else serves them. */
function watchRivals({ context, networks, health, onRival }: ServingOptions, mac: Uint8Array, machine: DhcpServer): RivalWatch | undefined {
  const wires = networks.flatMap(({ loopback, interfaceName, serverAddress }) =>
    loopback || serverAddress === undefined ? [] : [{ interfaceName, address: formatIpv4(serverAddress) }])
  if (wires.length === 0) return undefined
  const { clock, random, trace, log, settings } = context
  return new RivalWatch({
    wires, clock, random, trace, log, mac, besideOthers: settings.beside_others,
    ignore: xid => machine.ignore(xid), restrict: hamletOnly => { machine.hamletOnly = hamletOnly },
    onFound: onRival, setHealth: reason => health.set('others', reason),
  })
}

async function openSockets({ context: { settings, trace, clock, log }, networks, port }: ServingOptions, receive: (batch: DatagramBatch) => void): Promise<DatagramDoor> {
  const common = { receive, io: settings.io, onError: (error: Error) => log(`a DHCP socket reports ${error.message}`) }
  if (isLoopback(settings.host)) return openTracedDoor({ ...common, addresses: [settings.host], port }, trace, 'dhcp', clock)
  // Sockets that share a port would share it with another DHCP server too, in silence. So the port is first taken alone.
  const alone = await openDoor({ addresses: ['0.0.0.0'], port, io: settings.io, receive: () => undefined })
  const taken = alone.locals[0]?.port ?? port
  await alone.close()
  return openTracedDoor({ ...common, addresses: ['0.0.0.0', ...ownAddresses(networks)], port: taken, sharePort: true, broadcast: true, tellInterface: true, restMs: REST_MS }, trace, 'dhcp', clock)
}
