/**
 * The sockets that a DHCP client asks through.
 *
 * A Hamlet server answers to wherever it was asked from, so nobody needs privileges for its port 6767. Servers on port 67
 * answer to port 68, by broadcast where they are asked to: heard by a socket for 0.0.0.0 alone, which needs the right to a
 * low port. Without that right, or where another client has the port, a Hamlet server on port 67 still answers. The same
 * socket asks on interfaces that have no address (unconfigured-interfaces.ts).
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

/** Hamlet's port for DHCP: needs no privileges and disturbs no other server. */
export const DHCP_PORT = 6767
export const ALL = '255.255.255.255'
/** What happened, in every error of a client that got nothing. */
export const NO_LEASE = 'No address could be obtained by DHCP'
const ANY = '0.0.0.0'
const STANDARD_SERVER_PORT = 67
const STANDARD_CLIENT_PORT = 68
/** Interfaces beyond these are not asked on. */
const INTERFACES_MAX = 32

/** Who is asked, and where. */
export interface Asked {
  /** 255.255.255.255: all servers on that port, by broadcast from every interface. Undefined: the same on port 6767, and on loopback. */
  readonly server: Endpoint | undefined
  /** Asks on this interface alone. */
  readonly interfaceName?: string | undefined
  readonly clock: Clock
  readonly trace: TraceRing
}

export interface Sockets {
  readonly door: DatagramDoor
  /** How the server, or all of them, are asked. */
  readonly paths: readonly Path[]
  /** Answers come to all, as standard servers on port 67 give them, and any server to who has no address. */
  readonly repliesBroadcast: boolean
}

/**
 * A socket on each address, so that a broadcast leaves by every interface: the system picks it by the address that a socket is bound to.
 * @throws UsageError where the server cannot be asked; HamletError no-lease where no interface can ask; as openDoor
 */
export async function openSockets({ server, interfaceName = '', clock, trace }: Asked, receive: DoorOptions['receive']): Promise<Sockets> {
  const port = server?.port ?? DHCP_PORT
  const origins = originsOf(server, interfaceName)
  const { addresses, bare } = origins
  const open = (localPort: number, withWildcard: boolean) => openTracedDoor({
    addresses: withWildcard ? [ANY, ...addresses.filter(address => address !== ANY)] : addresses,
    port: localPort, receive, broadcast: true, sharePort: withWildcard, interfaceName,
  }, trace, 'dhcp', clock)
  const isStandard = port === STANDARD_SERVER_PORT && server !== undefined && !isLoopback(server.address)
  if (isStandard) {
    const door = await open(STANDARD_CLIENT_PORT, true).catch(error => unlessNotOurs(error, addresses))
    if (door !== undefined) return { door, paths: pathsTo(server, port, origins, door), repliesBroadcast: true }
  }
  const asksBare = bare.length > 0 && !isStandard
  const door = addresses.length === 1 && !asksBare ? await open(0, false) : await onSamePort(0, '127.0.0.1', freePort => open(freePort, asksBare))
  return { door, paths: pathsTo(server, port, asksBare ? origins : { addresses, bare: [] }, door), repliesBroadcast: asksBare }
}

/** All that decides where questions leave from, as a text to compare: when it is another one, sockets have to be opened anew. */
export function surroundings(): string {
  return JSON.stringify([localIpv4Addresses(), unconfiguredInterfaces()])
}

/** What questions leave from. */
interface Origins {
  readonly addresses: readonly string[]
  /** Names of interfaces that have no address. */
  readonly bare: readonly string[]
}

function originsOf(server: Endpoint | undefined, interfaceName: string): Origins {
  if (server !== undefined && parseIpv4(server.address) === undefined) {
    throw new UsageError(`the DHCP server cannot be ${formatEndpoint(server)}`, 'DHCP is for IPv4 only', 'give its IPv4 address, such as --dhcp 192.168.1.1')
  }
  if (server !== undefined && isLoopback(server.address)) return { addresses: ['127.0.0.1'], bare: [] }
  const toAll = asksAll(server)
  const locals = localIpv4Addresses().filter(local => interfaceName === '' ? server === undefined || !local.loopback : local.interfaceName === interfaceName)
  const without = unconfiguredInterfaces().filter(({ name }) => interfaceName === '' || name === interfaceName)
  const bare = toAll ? without.filter(({ obstacle }) => obstacle === undefined).map(({ name }) => name) : []
  if (locals.length + bare.length === 0) throw noOrigin(interfaceName, toAll, without)
  return { addresses: toAll ? locals.slice(0, INTERFACES_MAX).map(({ address }) => address) : [ANY], bare: bare.slice(0, INTERFACES_MAX) }
}

function pathsTo(server: Endpoint | undefined, port: number, { addresses, bare }: Origins, door: DatagramDoor): Path[] {
  if (!asksAll(server)) return [door.pathTo(server, addresses[0])]
  const all = { address: ALL, port }
  return [
    ...addresses.map(address => door.pathTo(isLoopback(address) ? { address: '127.0.0.1', port } : all, address)),
    ...bare.map(interfaceName => ({ local: { address: ANY, port: door.locals[0]?.port ?? 0 }, interfaceName, peer: all })),
  ]
}

function asksAll(server: Endpoint | undefined): server is undefined | (Endpoint & { address: typeof ALL }) {
  return server === undefined || server.address === ALL
}

function noOrigin(interfaceName: string, toAll: boolean, without: readonly UnconfiguredInterface[]): HamletError {
  const [{ obstacle } = { obstacle: undefined }] = without
  const { why, remedy } = !toAll ? { why: 'without one only all servers can be asked', remedy: `ask them with --dhcp ${ALL}:${STANDARD_SERVER_PORT}` }
    : obstacle ?? { why: interfaceName === '' ? 'none is connected that could ask without one' : 'it is not connected', remedy: 'connect this machine to a network' }
  return new HamletError({ code: 'no-lease', what: NO_LEASE, why: `${interfaceName === '' ? 'no interface has an' : `${interfaceName} has no`} IPv4 address, and ${why}`, remedy })
}

/** Port 68 is another program's, or needs privileges: then only Hamlet's own servers answer, and those who ask from an address. */
function unlessNotOurs(error: unknown, addresses: readonly string[]): undefined {
  const isNotOurs = error instanceof HamletError && (error.code === 'port-taken' || error.code === 'port-not-permitted')
  if (!isNotOurs || addresses.length === 0) throw error
}
