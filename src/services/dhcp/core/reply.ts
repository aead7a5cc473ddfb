/** Answers of the server: what stands in them (RFC 2131 §4.3.1, table 3) and where they go (§4.1). */
import type { Endpoint, Path } from '../../kit/endpoint.ts'
import { broadcastOf, formatIpv4, maskOf, parseIpv4 } from '../../kit/ip-address.ts'
import { FQDN_FLAGS, type ClientFqdn } from '../wire/domain-names.ts'
import { encodeHamletPorts, HAMLET_CLASS } from '../wire/hamlet-options.ts'
import { OP, type Header } from '../wire/header.ts'
import { encodeWith, MESSAGE_TYPE, type Message } from '../wire/message.ts'
import { uint32, type Codec } from '../wire/option-values.ts'
import { optionBytes, OPTIONS, type Options } from '../wire/options.ts'
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
const FILE_LENGTH_MAX = 128
/** A relay's option is one option (RFC 3046 §2.0); longer ones are nobody's, and would leave no room for the answer. */
const RELAY_AGENT_BYTES_MAX = 255
const SERVER_ADDRESSES_MAX = 64
/** Clients may ask for any lease time; beyond so many, numbers are encoded each time. */
const WORDS_MAX = 1024
/** Option 53, as it is sent. */
const MESSAGE_TYPE_BYTES = { OFFER: Uint8Array.of(MESSAGE_TYPE.OFFER), ACK: Uint8Array.of(MESSAGE_TYPE.ACK), NAK: Uint8Array.of(MESSAGE_TYPE.NAK) } as const

/** Writes answers. What is the same for all clients of a network is encoded once. */
export class Replies {
  readonly #told: Told
  /** Where boot loaders look, whatever they ask for: in the header. */
  readonly #boot: { readonly siaddr: number; readonly file: string }
  /** What a network's clients are told, by option code, and which of it they get unasked; by network, then by server address. */
  readonly #configured = new Map<ServedNetwork, Map<number, ReadonlyMap<number, Uint8Array>>>()
  readonly #ports: ReadonlyMap<number, Uint8Array>
  /** Times and server identifiers as bytes: few, and sent again and again. */
  readonly #words = new Map<number, Uint8Array>()
  readonly #waysBack = new WeakMap<Path, Path>()

  constructor(told: Told) {
    this.#told = told
    const { tftpServerName = '', bootFileName = '' } = told.options
    this.#boot = { siaddr: parseIpv4(tftpServerName) ?? 0, file: bootFileName.length < FILE_LENGTH_MAX ? bootFileName : '' }
    this.#ports = optionBytes({ vendorSpecific: encodeHamletPorts(told), vendorClass: HAMLET_CLASS })
  }

  /** OFFER or ACK. */
  grant(type: 'OFFER' | 'ACK', question: Question, { yiaddr, leaseSeconds, hostName, rapid }: Grant): Reply {
    const values = this.#wantedBy(question)
    const { renewalSeconds, rebindingSeconds } = timesOf(leaseSeconds, this.#told.options)
    values.set(OPTIONS.leaseSeconds.code, this.#wordOf(leaseSeconds))
    values.set(OPTIONS.renewalSeconds.code, this.#wordOf(renewalSeconds))
    values.set(OPTIONS.rebindingSeconds.code, this.#wordOf(rebindingSeconds))
    if (rapid) put(values, OPTIONS.rapidCommit, true)
    if (question.request.options.clientFqdn !== undefined) put(values, OPTIONS.clientFqdn, fqdnAnswer(question.request.options.clientFqdn, this.#told, hostName))
    if (hostName !== '' && wants(question.request, OPTIONS.hostName.code)) put(values, OPTIONS.hostName, hostName)
    return this.#reply(type, question, yiaddr, values)
  }

  /** The answer to INFORM, which lends nothing (RFC 2131 §4.3.5). */
  information(question: Question): Reply {
    return this.#reply('ACK', question, 0, this.#wantedBy(question))
  }

  /** @param why goes to the client as option 56 (RFC 2132 §9.9) */
  refusal(question: Question, why: string): Reply {
    const values = new Map<number, Uint8Array>()
    put(values, OPTIONS.message, why)
    return this.#reply('NAK', question, 0, values)
  }

  /**
   * RFC 2131 §4.3.1: the client says which parameters it wants. Unasked it gets the mask, for no address is of use without it,
   * and Hamlet's ports, which have no code to be asked for by.
   */
  #wantedBy({ request, network, serverAddress }: Question): Map<number, Uint8Array> {
    const { parameterRequestList, vendorClass } = request.options
    const configured = this.#configuredFor(network, serverAddress)
    const values = parameterRequestList === undefined ? new Map(configured) : new Map<number, Uint8Array>()
    for (const code of [OPTIONS.subnetMask.code, ...parameterRequestList ?? []]) {
      const value = configured.get(code)
      if (value !== undefined) values.set(code, value)
    }
    if (vendorClass === HAMLET_CLASS) for (const [code, value] of this.#ports) values.set(code, value)
    return values
  }

  #configuredFor(network: ServedNetwork, serverAddress: number): ReadonlyMap<number, Uint8Array> {
    const known = this.#configured.get(network)?.get(serverAddress)
    if (known !== undefined) return known
    const configured = optionBytes(configuredIn(network, serverAddress, this.#told))
    const ofNetwork = this.#configured.get(network) ?? new Map<number, ReadonlyMap<number, Uint8Array>>()
    // A machine has few addresses; whoever makes up more is not worth remembering.
    if (ofNetwork.size < SERVER_ADDRESSES_MAX) this.#configured.set(network, ofNetwork.set(serverAddress, configured))
    return configured
  }

  #reply(type: keyof typeof MESSAGE_TYPE_BYTES, { request, arrived, network, serverAddress }: Question, yiaddr: number, values: Map<number, Uint8Array>): Reply {
    const isNak = type === 'NAK'
    const header: Header = {
      op: OP.reply,
      htype: request.htype,
      hops: 0,
      xid: request.xid,
      secs: 0,
      // A relay must broadcast a NAK: the client may be on the wrong network (RFC 2131 §4.3.2).
      broadcast: request.broadcast || (isNak && request.giaddr !== 0),
      ciaddr: isNak || type === 'OFFER' ? 0 : request.ciaddr,
      yiaddr,
      siaddr: isNak ? 0 : this.#boot.siaddr,
      giaddr: request.giaddr,
      chaddr: request.chaddr,
      sname: '',
      file: isNak ? '' : this.#boot.file,
    }
    // The client's identifier (RFC 6842 §3) and the relay's option (RFC 3046 §2.2) go back to them.
    const { clientIdentifier, relayAgent, maxMessageBytes = DATAGRAM_BYTES_MIN, parameterRequestList } = request.options
    values.set(OPTIONS.messageType.code, MESSAGE_TYPE_BYTES[type])
    values.set(OPTIONS.serverIdentifier.code, this.#wordOf(serverIdentifierFor(request, serverAddress)))
    if (clientIdentifier !== undefined) put(values, OPTIONS.clientIdentifier, clientIdentifier)
    if (relayAgent !== undefined && relayAgent.length <= RELAY_AGENT_BYTES_MAX) put(values, OPTIONS.relayAgent, relayAgent)
    const bytesMax = Math.min(DATAGRAM_BYTES_MAX, Math.max(DATAGRAM_BYTES_MIN, maxMessageBytes)) - IP_AND_UDP_BYTES
    return { path: this.#pathBack(arrived, network, formatIpv4(serverAddress), peerOf(request, arrived, isNak)), bytes: encodeWith(header, values, parameterRequestList ?? [], bytesMax) }
  }

  #wordOf(value: number): Uint8Array {
    const known = this.#words.get(value)
    if (known !== undefined) return known
    const bytes = uint32.encode(value)
    if (this.#words.size < WORDS_MAX) this.#words.set(value, bytes)
    return bytes
  }

  /** The way that the question came, where the answer takes that; else what came the same way is answered the same way, by the same object: doors know it again. */
  #pathBack(arrived: Path, network: ServedNetwork, address: string, peer: Endpoint): Path {
    if (arrived.local.address === address && sameEndpoint(arrived.peer, peer)) return arrived
    const known = this.#waysBack.get(arrived)
    if (known?.local.address === address && sameEndpoint(known.peer, peer)) return known
    const interfaceName = arrived.interfaceName === '' ? network.interfaceName : arrived.interfaceName
    const path = { local: { address, port: arrived.local.port }, interfaceName, peer }
    this.#waysBack.set(arrived, path)
    return path
  }
}

function sameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return one.port === other.port && one.address === other.address
}

/** The server's own address as the client shall know it: a relay may stand in for it (RFC 5107). */
export function serverIdentifierFor({ options }: Message, serverAddress: number): number {
  return options.relayAgent === undefined ? serverAddress : decodeRelayAgent(options.relayAgent).serverIdentifierOverride ?? serverAddress
}

/** What clients of a network may be told; the renewal times are part of each lease. */
function configuredIn(network: ServedNetwork, serverAddress: number, told: Told): Options {
  return {
    subnetMask: maskOf(network.subnet.prefixBits),
    routers: network.router === undefined ? undefined : [network.router],
    dnsServers: [told.dnsAddress ?? serverAddress],
    domainName: told.domain === '' ? undefined : told.domain,
    broadcastAddress: broadcastOf(network.subnet),
    ...told.options,
    renewalSeconds: undefined,
    rebindingSeconds: undefined,
  }
}

/** When to renew and to rebind (RFC 2131 §4.4.5): after a half and seven eighths, or as the person sets it, in this order. */
function timesOf(leaseSeconds: number, set: Options): { renewalSeconds: number; rebindingSeconds: number } {
  const rebindingSeconds = Math.min(set.rebindingSeconds ?? Infinity, Math.floor(leaseSeconds * 7 / 8))
  return { rebindingSeconds, renewalSeconds: Math.min(set.renewalSeconds ?? Infinity, Math.floor(leaseSeconds / 2), rebindingSeconds) }
}

function put<Value>(values: Map<number, Uint8Array>, { code, codec }: { readonly code: number; readonly codec: Codec<Value> }, value: Value): void {
  values.set(code, codec.encode(value))
}

function wants({ options: { parameterRequestList } }: Message, code: number): boolean {
  return parameterRequestList === undefined || parameterRequestList.includes(code)
}

/** RFC 4702 §4: whether this server does the A record, and against the client's wish; the client's name comes back whole. */
function fqdnAnswer(clientFqdn: ClientFqdn, { domain, namesRegistered }: Told, hostName: string): ClientFqdn {
  const { S, O, E, N } = FQDN_FLAGS
  const does = namesRegistered ? S : 0
  const overrides = (clientFqdn.flags & S) === does ? 0 : O
  const label = hostName === '' ? clientFqdn.name.split('.')[0] ?? '' : hostName
  const name = label === '' || domain === '' ? clientFqdn.name : `${label}.${domain}.`
  return { flags: does | overrides | (namesRegistered ? 0 : N) | (clientFqdn.flags & E), name }
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
