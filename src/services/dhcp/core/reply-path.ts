/**
 * Where an answer goes. On port 67 as RFC 2131 §4.1 says, but broadcast where it would be unicast to an address that the
 * client does not have yet: plain sockets cannot send that. On another port, and to a peer that has an address and asks
 * from another port than 68 (Hamlet's own client, which only learns), it goes back to where the question came from.
 */
import type { Endpoint, Path } from '../../kit/endpoint.ts'
import { formatIpv4 } from '../../kit/ip-address.ts'
import type { Message } from '../wire/message.ts'
import type { ServedNetwork } from './pools.ts'

const SERVER_PORT = 67
const CLIENT_PORT = 68
const ALL = 0xffffffff
const NO_ADDRESS = '0.0.0.0'

/** No address: back to the peer that asked. */
interface Destination {
  readonly address: number | undefined
  readonly port: number
}

/** How what came by one path was answered last. */
interface KnownReply {
  readonly serverAddress: number
  readonly to: Destination
  readonly path: Path
}

/** Knows ways again: what comes by the same path is answered by the same object, which doors know again too. */
export class ReplyPaths {
  readonly #known = new WeakMap<Path, KnownReply>()

  /**
   * The path that the request came by, where the answer takes that; else the way to where it goes.
   * @param network that the answer speaks for, by this machine's address there
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
  return { address: request.ciaddr !== 0 && !isNak ? request.ciaddr : ALL, port }
}

function sameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return one.port === other.port && one.address === other.address
}
