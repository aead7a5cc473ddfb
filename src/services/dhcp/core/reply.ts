/** Answers of the server: what stands in them (RFC 2131 §4.3.1, table 3) and where they go (§4.1). */
import type { Endpoint, Path } from '../../kit/endpoint.ts'
import { broadcastOf, formatIpv4, maskOf } from '../../kit/ip-address.ts'
import { encodeHamletPorts, HAMLET_CLASS } from '../wire/hamlet-options.ts'
import { OP } from '../wire/header.ts'
import { encodeMessage, MESSAGE_TYPE, type Message } from '../wire/message.ts'
import type { Options } from '../wire/options.ts'
import type { ServedNetwork } from './pools.ts'

/** What clients are told. */
export interface Told {
  /** DNS server; undefined: this machine's own address in the client's network. */
  readonly dnsAddress: number | undefined
  readonly dnsPort: number
  readonly dnsAdminPort: number
  readonly leaseSeconds: number
}

/** Something to send. */
export interface Reply {
  readonly path: Path
  readonly bytes: Uint8Array
}

const SERVER_PORT = 67
const CLIENT_PORT = 68
const ALL = '255.255.255.255'
const NO_ADDRESS = '0.0.0.0'

/** OFFER or ACK. `leaseSeconds` undefined: an answer to INFORM, which lends nothing (RFC 2131 §4.3.5). */
export function grant(type: 'OFFER' | 'ACK', request: Message, arrived: Path, network: ServedNetwork, told: Told, yiaddr: number, leaseSeconds: number | undefined): Reply {
  const forHamlet = request.options.vendorClass === HAMLET_CLASS
  const times: Options = leaseSeconds === undefined ? {} : {
    leaseSeconds,
    renewalSeconds: Math.floor(leaseSeconds / 2),
    rebindingSeconds: Math.floor(leaseSeconds * 7 / 8),
  }
  return reply(request, arrived, network, yiaddr, {
    ...times,
    messageType: MESSAGE_TYPE[type],
    subnetMask: maskOf(network.subnet.prefixBits),
    routers: network.router === undefined ? undefined : [network.router],
    dnsServers: [told.dnsAddress ?? network.serverAddress],
    broadcastAddress: broadcastOf(network.subnet),
    vendorSpecific: forHamlet ? encodeHamletPorts(told) : undefined,
    vendorClass: forHamlet ? HAMLET_CLASS : undefined,
  })
}

/** @param why goes to the client as option 56 (RFC 2132 §9.9) */
export function refusal(request: Message, arrived: Path, network: ServedNetwork, why: string): Reply {
  return reply(request, arrived, network, 0, { messageType: MESSAGE_TYPE.NAK, message: why })
}

function reply(request: Message, arrived: Path, network: ServedNetwork, yiaddr: number, options: Options): Reply {
  const isNak = options.messageType === MESSAGE_TYPE.NAK
  const message: Message = {
    op: OP.reply,
    htype: request.htype,
    hops: 0,
    xid: request.xid,
    secs: 0,
    // A relay must broadcast a NAK: the client may be on the wrong network (RFC 2131 §4.3.2).
    broadcast: request.broadcast || (isNak && request.giaddr !== 0),
    ciaddr: isNak || options.messageType === MESSAGE_TYPE.OFFER ? 0 : request.ciaddr,
    yiaddr,
    siaddr: 0,
    giaddr: request.giaddr,
    chaddr: request.chaddr,
    sname: '',
    file: '',
    // The client's identifier goes back to it (RFC 6842 §3).
    options: { ...options, serverIdentifier: network.serverAddress, clientIdentifier: request.options.clientIdentifier },
  }
  const local = { address: formatIpv4(network.serverAddress), port: arrived.local.port }
  return {
    path: { local, interfaceName: network.interfaceName, peer: peerOf(request, arrived, isNak) },
    bytes: encodeMessage(message, request.options.parameterRequestList),
  }
}

/**
 * Where the answer goes. On port 67 as RFC 2131 §4.1 says, but broadcast where it would be unicast to an address that the
 * client does not have yet: plain sockets cannot send that. On another port, and to a peer that has an address and asks
 * from another port than 68 (Hamlet's own client, which only learns), it goes back to where the question came from.
 */
function peerOf(request: Message, { local, peer }: Path, isNak: boolean): Endpoint {
  if (local.port === SERVER_PORT && request.giaddr !== 0) return { address: formatIpv4(request.giaddr), port: SERVER_PORT }
  const standard = local.port === SERVER_PORT && peer.port === CLIENT_PORT
  if (peer.address !== NO_ADDRESS && !standard) return peer
  const port = local.port === SERVER_PORT ? CLIENT_PORT : peer.port
  return { address: request.ciaddr !== 0 && !isNak ? formatIpv4(request.ciaddr) : ALL, port }
}
