/** Answers of the server: what stands in them (RFC 2131 §4.3.1, table 3) and where they go (§4.1). */
import type { Endpoint, Path } from '../../kit/endpoint.ts'
import { broadcastOf, formatIpv4, maskOf, parseIpv4 } from '../../kit/ip-address.ts'
import { FQDN_FLAGS } from '../wire/domain-names.ts'
import { encodeHamletPorts, HAMLET_CLASS } from '../wire/hamlet-options.ts'
import { OP } from '../wire/header.ts'
import { encodeMessage, MESSAGE_TYPE, type Message } from '../wire/message.ts'
import { OPTIONS, type OptionName, type Options } from '../wire/options.ts'
import { decodeRelayAgent } from '../wire/relay-agent.ts'
import type { ServedNetwork } from './pools.ts'

/** What clients are told. */
export interface Told {
  /** DNS server; undefined: this machine's own address in the client's network. */
  readonly dnsAddress: number | undefined
  readonly dnsPort: number
  readonly dnsAdminPort: number
  readonly leaseSeconds: number
  /** '' tells none. */
  readonly domain: string
  /** Host names become names in the DNS. */
  readonly namesRegistered: boolean
  /** What the person sets; goes before what is made up here. */
  readonly options: Options
}

/** A question, and from where. */
export interface Question {
  readonly request: Message
  readonly arrived: Path
  /** The network that the answer speaks for. */
  readonly network: ServedNetwork
  /** This machine's address on the client's wire, or on the way to its relay: the server identifier. */
  readonly serverAddress: number
}

/** What is lent. */
export interface Grant {
  readonly yiaddr: number
  readonly leaseSeconds: number
  /** '' where the client keeps its own name. */
  readonly hostName: string
  /** The ACK comes without an OFFER before (RFC 4039). */
  readonly rapid: boolean
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
/** RFC 2131 §2: every client takes a datagram of 576 bytes. More is sent only as far as it fits an Ethernet frame. */
const DATAGRAM_BYTES_MIN = 576
const DATAGRAM_BYTES_MAX = 1500
const IP_AND_UDP_BYTES = 28

/** OFFER or ACK. */
export function grant(type: 'OFFER' | 'ACK', question: Question, told: Told, { yiaddr, leaseSeconds, hostName, rapid }: Grant): Reply {
  return reply(question, yiaddr, {
    ...wantedBy(question.request, { ...configured(question, told), hostName: hostName === '' ? told.options.hostName : hostName }),
    ...always(question, told),
    messageType: MESSAGE_TYPE[type],
    ...timesOf(leaseSeconds, told.options),
    rapidCommit: rapid ? true : undefined,
    clientFqdn: fqdnAnswer(question.request, told, hostName),
  }, told)
}

/** When to renew and to rebind (RFC 2131 §4.4.5): after a half and seven eighths, or as the person sets it, in this order. */
function timesOf(leaseSeconds: number, set: Options): Options {
  const rebindingSeconds = Math.min(set.rebindingSeconds ?? Infinity, Math.floor(leaseSeconds * 7 / 8))
  return { leaseSeconds, rebindingSeconds, renewalSeconds: Math.min(set.renewalSeconds ?? Infinity, Math.floor(leaseSeconds / 2), rebindingSeconds) }
}

/** The answer to INFORM, which lends nothing (RFC 2131 §4.3.5). */
export function information(question: Question, told: Told): Reply {
  return reply(question, 0, { ...wantedBy(question.request, configured(question, told)), ...always(question, told), messageType: MESSAGE_TYPE.ACK }, told)
}

/** @param why goes to the client as option 56 (RFC 2132 §9.9) */
export function refusal(question: Question, why: string): Reply {
  return reply(question, 0, { messageType: MESSAGE_TYPE.NAK, message: why }, undefined)
}

/** The server's own address as the client shall know it: a relay may stand in for it (RFC 5107). */
export function serverIdentifierFor({ options }: Message, serverAddress: number): number {
  return decodeRelayAgent(options.relayAgent).serverIdentifierOverride ?? serverAddress
}

/** What a client gets where it asks for it, or where it does not say what it wants. */
function configured({ network, serverAddress }: Question, told: Told): Options {
  return {
    routers: network.router === undefined ? undefined : [network.router],
    dnsServers: [told.dnsAddress ?? serverAddress],
    domainName: told.domain === '' ? undefined : told.domain,
    broadcastAddress: broadcastOf(network.subnet),
    ...told.options,
  }
}

/** What it gets in any case: no address is of use without its mask, and Hamlet's ports have no code to be asked for by. */
function always({ request, network }: Question, told: Told): Options {
  return {
    subnetMask: told.options.subnetMask ?? maskOf(network.subnet.prefixBits),
    ...(request.options.vendorClass === HAMLET_CLASS && { vendorSpecific: encodeHamletPorts(told), vendorClass: HAMLET_CLASS }),
  }
}

/** RFC 2131 §4.3.1: the client says which parameters it wants. */
function wantedBy({ options: { parameterRequestList } }: Message, offered: Options): Options {
  if (parameterRequestList === undefined) return offered
  const codes = new Set(parameterRequestList)
  const known = Object.entries(offered).filter(([name]) => name !== 'unknown' && codes.has(OPTIONS[name as OptionName].code)) // the other keys of Options are the names of OPTIONS
  const unknown = new Map([...offered.unknown ?? []].filter(([code]) => codes.has(code)))
  return { ...Object.fromEntries(known), ...(unknown.size > 0 && { unknown }) }
}

/** RFC 4702 §4: whether this server does the A record, and against the client's wish; the client's name comes back whole. */
function fqdnAnswer({ options: { clientFqdn } }: Message, { domain, namesRegistered }: Told, hostName: string): Options['clientFqdn'] {
  if (clientFqdn === undefined) return undefined
  const { S, O, E, N } = FQDN_FLAGS
  const does = namesRegistered ? S : 0
  const overrides = (clientFqdn.flags & S) === does ? 0 : O
  const label = hostName === '' ? clientFqdn.name.split('.')[0] ?? '' : hostName
  const name = label === '' || domain === '' ? clientFqdn.name : `${label}.${domain}.`
  return { flags: does | overrides | (namesRegistered ? 0 : N) | (clientFqdn.flags & E), name }
}

function reply({ request, arrived, network, serverAddress }: Question, yiaddr: number, options: Options, told: Told | undefined): Reply {
  const isNak = options.messageType === MESSAGE_TYPE.NAK
  const { tftpServerName = '', bootFileName = '' } = told?.options ?? {}
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
    // Boot loaders read the header, whatever they ask for.
    siaddr: parseIpv4(tftpServerName) ?? 0,
    giaddr: request.giaddr,
    chaddr: request.chaddr,
    sname: '',
    file: bootFileName.length < FILE_LENGTH_MAX ? bootFileName : '',
    // The client's identifier (RFC 6842 §3) and the relay's option (RFC 3046 §2.2) go back to them.
    options: { ...options, serverIdentifier: serverIdentifierFor(request, serverAddress), clientIdentifier: request.options.clientIdentifier, relayAgent: echoed(request.options.relayAgent) },
  }
  const { maxMessageBytes = DATAGRAM_BYTES_MIN, parameterRequestList } = request.options
  const bytesMax = Math.min(DATAGRAM_BYTES_MAX, Math.max(DATAGRAM_BYTES_MIN, maxMessageBytes)) - IP_AND_UDP_BYTES
  return {
    path: { local: { address: formatIpv4(serverAddress), port: arrived.local.port }, interfaceName: arrived.interfaceName === '' ? network.interfaceName : arrived.interfaceName, peer: peerOf(request, arrived, isNak) },
    bytes: encodeMessage(message, parameterRequestList, bytesMax),
  }
}

const FILE_LENGTH_MAX = 128
const RELAY_AGENT_BYTES_MAX = 255

/** A relay's option is one option (RFC 3046 §2.0); longer ones are nobody's, and would leave no room for the answer. */
function echoed(relayAgent: Uint8Array | undefined): Uint8Array | undefined {
  return relayAgent !== undefined && relayAgent.length <= RELAY_AGENT_BYTES_MAX ? relayAgent : undefined
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
