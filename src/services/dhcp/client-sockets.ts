/**
 * The sockets of the DHCP client.
 *
 * A Hamlet server replies to the address and port a message came from, so a client of its port 6767 needs no
 * privileges. Standard servers on port 67 reply to port 68, by broadcast on request. Only a socket bound to 0.0.0.0
 * receives broadcasts, and binding a low port needs privileges. Without them, or if another client has port 68, a
 * Hamlet server on port 67 can still answer. The socket for 0.0.0.0 also sends on interfaces that have no address
 * (unconfigured-interfaces.ts).
 */
import { formatEndpoint, type Endpoint, type Path } from '../kit/endpoint.ts'
import { HamletError, UsageError } from '../kit/errors.ts'
import { isLoopback, parseIpv4 } from '../kit/ip-address.ts'
import type { Clock } from '../kit/node/clock.ts'
import { localIpv4Addresses } from '../kit/node/local-addresses.ts'
import { onSamePort } from '../kit/node/same-port.ts'
import type { DatagramDoor, DoorOptions } from '../kit/node/udp/door.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import type { TraceRing } from '../kit/trace.ts'
import { unconfiguredInterfaces, type UnconfiguredInterface } from './unconfigured-interfaces.ts'

/** Hamlet's own DHCP port, which needs no privileges and which other servers and clients do not use. */
export const DHCP_PORT = 6767
export const BROADCAST = '255.255.255.255'
/** The `what` of every error of a client that got no lease. */
export const NO_LEASE = 'No address could be obtained by DHCP'
const ANY = '0.0.0.0'
const STANDARD_SERVER_PORT = 67
const STANDARD_CLIENT_PORT = 68
/** At most this many interfaces are used. */
const INTERFACES_MAX = 32

/** Which server to ask, and on which interface. */
export interface ClientTarget {
  /**
   * 255.255.255.255 for all servers on that port, by broadcast on every interface. Undefined for the same on port 6767,
   * and on loopback too.
   */
  readonly server: Endpoint | undefined
  /** The only interface to use. */
  readonly interfaceName?: string | undefined
  readonly clock: Clock
  readonly trace: TraceRing
}

export interface Sockets {
  readonly door: DatagramDoor
  /** The paths to the server, or by broadcast to all of them. */
  readonly paths: readonly Path[]
  /**
   * Replies come by broadcast: from standard servers on port 67, and from any server to a client without an address.
   */
  readonly repliesBroadcast: boolean
}

/**
 * Opens a socket on each address, so that a broadcast leaves by every interface: the system picks the interface by the
 * address that a socket is bound to.
 * @throws UsageError if the server has no IPv4 address; HamletError no-lease if no interface can be used; the errors of
 *   openDoor
 */
export async function openSockets({ server, interfaceName = '', clock, trace }: ClientTarget, receive: DoorOptions['receive']): Promise<Sockets> {
  const port = server?.port ?? DHCP_PORT
  const sources = sourcesFor(server, interfaceName)
  const { addresses, unconfigured } = sources
  const open = (localPort: number, withWildcard: boolean) => openTracedDoor({
    addresses: withWildcard ? [ANY, ...addresses.filter(address => address !== ANY)] : addresses,
    port: localPort, receive, broadcast: true, sharePort: withWildcard, interfaceName,
  }, trace, 'dhcp', clock)
  const isStandard = port === STANDARD_SERVER_PORT && server !== undefined && !isLoopback(server.address)
  if (isStandard) {
    const door = await open(STANDARD_CLIENT_PORT, true).catch(error => unlessUnavailable(error, addresses))
    if (door !== undefined) return { door, paths: pathsTo(server, port, sources, door), repliesBroadcast: true }
  }
  const usesUnconfigured = unconfigured.length > 0 && !isStandard
  const door = addresses.length === 1 && !usesUnconfigured ? await open(0, false) : await onSamePort(0, '127.0.0.1', freePort => open(freePort, usesUnconfigured))
  return { door, paths: pathsTo(server, port, usesUnconfigured ? sources : { addresses, unconfigured: [] }, door), repliesBroadcast: usesUnconfigured }
}

/**
 * The addresses and interfaces of this machine as a string to compare. When it changes, the sockets must be reopened.
 */
export function networkState(): string {
  return JSON.stringify([localIpv4Addresses(), unconfiguredInterfaces()])
}

/** What to send from. */
interface Sources {
  readonly addresses: readonly string[]
  /** Names of interfaces that have no address. */
  readonly unconfigured: readonly string[]
}

function sourcesFor(server: Endpoint | undefined, interfaceName: string): Sources {
  if (server !== undefined && parseIpv4(server.address) === undefined) {
    throw new UsageError(`the DHCP server cannot be ${formatEndpoint(server)}`, 'DHCP is for IPv4 only', 'give its IPv4 address, such as --dhcp 192.168.1.1')
  }
  if (server !== undefined && isLoopback(server.address)) return { addresses: ['127.0.0.1'], unconfigured: [] }
  const broadcasts = isBroadcast(server)
  const locals = localIpv4Addresses().filter(local => interfaceName === '' ? server === undefined || !local.loopback : local.interfaceName === interfaceName)
  const candidates = unconfiguredInterfaces().filter(({ name }) => interfaceName === '' || name === interfaceName)
  const unconfigured = broadcasts ? candidates.filter(({ obstacle }) => obstacle === undefined).map(({ name }) => name) : []
  if (locals.length + unconfigured.length === 0) throw noSource(interfaceName, broadcasts, candidates)
  return { addresses: broadcasts ? locals.slice(0, INTERFACES_MAX).map(({ address }) => address) : [ANY], unconfigured: unconfigured.slice(0, INTERFACES_MAX) }
}

function pathsTo(server: Endpoint | undefined, port: number, { addresses, unconfigured }: Sources, door: DatagramDoor): Path[] {
  if (!isBroadcast(server)) return [door.pathTo(server, addresses[0])]
  const all = { address: BROADCAST, port }
  return [
    ...addresses.map(address => door.pathTo(isLoopback(address) ? { address: '127.0.0.1', port } : all, address)),
    ...unconfigured.map(interfaceName => ({ local: { address: ANY, port: door.locals[0]?.port ?? 0 }, interfaceName, peer: all })),
  ]
}

function isBroadcast(server: Endpoint | undefined): server is undefined | (Endpoint & { address: typeof BROADCAST }) {
  return server === undefined || server.address === BROADCAST
}

function noSource(interfaceName: string, broadcasts: boolean, unconfigured: readonly UnconfiguredInterface[]): HamletError {
  const [{ obstacle } = { obstacle: undefined }] = unconfigured
  const { why, remedy } = !broadcasts ? { why: 'without one a single server cannot be asked', remedy: `ask all servers with --dhcp ${BROADCAST}:${STANDARD_SERVER_PORT}` }
    : obstacle ?? { why: interfaceName === '' ? 'none is connected that could ask without one' : 'it is not connected', remedy: 'connect this machine to a network' }
  return new HamletError({ code: 'no-lease', what: NO_LEASE, why: `${interfaceName === '' ? 'no interface has an' : `${interfaceName} has no`} IPv4 address, and ${why}`, remedy })
}

/**
 * Port 68 is taken or needs privileges. That is fine if this machine has an address to send from, but then only
 * Hamlet's own servers can answer.
 */
function unlessUnavailable(error: unknown, addresses: readonly string[]): undefined {
  const isUnavailable = error instanceof HamletError && (error.code === 'port-taken' || error.code === 'port-not-permitted')
  if (!isUnavailable || addresses.length === 0) throw error
}
