/**
 * The sockets that a DHCP client asks through.
 *
 * A Hamlet server answers to wherever it was asked from, so nobody needs privileges for its port 6767. Servers on port 67
 * answer to port 68, by broadcast where they are asked to: heard by a socket for 0.0.0.0 alone, which needs the right to a
 * low port. Without that right, or where another client has the port, a Hamlet server on port 67 still answers.
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

/** Hamlet's port for DHCP: needs no privileges and disturbs no other server. */
export const DHCP_PORT = 6767
export const ALL = '255.255.255.255'
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
  readonly ways: readonly Path[]
  /** On port 68, where standard servers answer to. */
  readonly standard: boolean
}

/**
 * A socket on each address, so that a broadcast leaves by every interface: the system picks it by the address that a socket is bound to.
 * @throws UsageError where the server cannot be asked; HamletError as openDoor
 */
export async function openSockets({ server, interfaceName = '', clock, trace }: Asked, receive: DoorOptions['receive']): Promise<Sockets> {
  if (server !== undefined && parseIpv4(server.address) === undefined) {
    throw new UsageError(`the DHCP server cannot be ${formatEndpoint(server)}`, 'DHCP is for IPv4 only', 'give its IPv4 address, such as --dhcp 192.168.1.1')
  }
  const toAll = server === undefined || server.address === ALL
  const port = server?.port ?? DHCP_PORT
  const locals = localIpv4Addresses().filter(local => interfaceName === '' ? server === undefined || !local.loopback : local.interfaceName === interfaceName)
  const addresses = toAll ? locals.slice(0, INTERFACES_MAX).map(({ address }) => address) : [isLoopback(server.address) ? '127.0.0.1' : '0.0.0.0']
  const waysOf = (door: DatagramDoor) => toAll
    ? addresses.map(address => door.pathTo({ address: isLoopback(address) ? '127.0.0.1' : ALL, port }, address))
    : [door.pathTo(server, addresses[0])]
  const open = (options: Pick<DoorOptions, 'addresses' | 'port' | 'sharePort'>) => openTracedDoor({ ...options, receive, broadcast: true, interfaceName }, trace, 'dhcp', clock)
  const isLan = server !== undefined && !isLoopback(server.address)
  if (isLan && port === STANDARD_SERVER_PORT) {
    const shared = ['0.0.0.0', ...addresses.filter(address => address !== '0.0.0.0')]
    const door = await open({ addresses: shared, port: STANDARD_CLIENT_PORT, sharePort: true }).catch(unlessNotOurs)
    if (door !== undefined) return { door, ways: waysOf(door), standard: true }
  }
  const openOn = (localPort: number) => open({ addresses, port: localPort })
  const door = addresses.length === 1 ? await openOn(0) : await onSamePort(0, '127.0.0.1', openOn)
  return { door, ways: waysOf(door), standard: false }
}

/** Port 68 is another program's, or needs privileges: then only Hamlet's own servers answer. */
function unlessNotOurs(error: unknown): undefined {
  if (!(error instanceof HamletError) || (error.code !== 'port-taken' && error.code !== 'port-not-permitted')) throw error
}
