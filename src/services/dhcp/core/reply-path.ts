/**
 * Where a reply goes: RFC 2131 §4.1.
 *
 *     giaddr set                  → unicast to the relay, port 67
 *     ciaddr set, not a NAK       → unicast to the client's address, port 68
 *     otherwise                   → broadcast, port 68
 *
 * In the last case the RFC also allows unicast to an address that the client does not have yet; plain sockets cannot
 * send that.
 *
 * The RFC assumes that the client sends from port 68 to port 67. If either port differs, a client that has an address
 * is answered at the address and port it sent from: Hamlet's own client sends like that, since it leaves the interfaces
 * as they are. And a server on a port other than 67 answers a client without an address at the port it sent from
 * instead of 68.
 */
import type { Endpoint, Path } from '../../kit/endpoint.ts'
import { formatIpv4 } from '../../kit/ip-address.ts'
import type { Message } from '../wire/message.ts'
import type { ServedNetwork } from './pools.ts'

const SERVER_PORT = 67
const CLIENT_PORT = 68
const BROADCAST = 0xffffffff
const NO_ADDRESS = '0.0.0.0'

/** Without an address: back to where the request came from. */
interface Destination {
  readonly address: number | undefined
  readonly port: number
}

/** The last reply to a request that arrived by some path. */
interface KnownReply {
  readonly serverAddress: number
  readonly to: Destination
  readonly path: Path
}

/**
 * Finds the path of a reply. Requests by the same path get the same `Path` object, by which a door recognizes it
 * quickly.
 */
export class ReplyPaths {
  readonly #known = new WeakMap<Path, KnownReply>()

  /**
   * @param arrived the path of the request; returned itself if the reply takes it back
   * @param serverAddress this machine's address on the network
   */
  of(request: Message, arrived: Path, network: ServedNetwork, serverAddress: number, isNak: boolean): Path {
    const to = destinationOf(request, arrived, isNak)
    const known = this.#known.get(arrived)
    if (known?.serverAddress === serverAddress && known.to.address === to.address && known.to.port === to.port) return known.path
    const local = { address: formatIpv4(serverAddress), port: arrived.local.port }
    const peer = to.address === undefined ? arrived.peer : { address: formatIpv4(to.address), port: to.port }
    const interfaceName = arrived.interfaceName === '' ? network.interfaceName : arrived.interfaceName
    const path = sameEndpoint(arrived.local, local) && sameEndpoint(arrived.peer, peer) ? arrived : { local, interfaceName, peer }
    this.#known.set(arrived, { serverAddress, to, path })
    return path
  }
}

function destinationOf(request: Message, { local, peer }: Path, isNak: boolean): Destination {
  if (local.port === SERVER_PORT && request.giaddr !== 0) return { address: request.giaddr, port: SERVER_PORT }
  const standard = local.port === SERVER_PORT && peer.port === CLIENT_PORT
  if (peer.address !== NO_ADDRESS && !standard) return { address: undefined, port: peer.port }
  const port = local.port === SERVER_PORT ? CLIENT_PORT : peer.port
  return { address: request.ciaddr !== 0 && !isNak ? request.ciaddr : BROADCAST, port }
}

function sameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return one.port === other.port && one.address === other.address
}
