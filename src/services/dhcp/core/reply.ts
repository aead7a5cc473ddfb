/** The server's replies and what goes into them (RFC 2131 §4.3.1, table 3). reply-path.ts decides where they go. */
import type { Path } from '../../kit/endpoint.ts'
import { broadcastOf, maskOf, parseIpv4 } from '../../kit/ip-address.ts'
import { FQDN_FLAGS, type ClientFqdn } from '../wire/domain-names.ts'
import { encodeHamletPorts, HAMLET_CLASS } from '../wire/hamlet-options.ts'
import { OP, type Header } from '../wire/header.ts'
import { encodeBootp, encodeSequence, encodeWith, MESSAGE_TYPE, type Message } from '../wire/message.ts'
import { sequenceOf } from '../wire/option-layout.ts'
import type { Codec } from '../wire/option-values.ts'
import { optionBytes, OPTIONS, type Options } from '../wire/options.ts'
import { decodeRelayAgent } from '../wire/relay-agent.ts'
import { timesOf } from './lease-times.ts'
import type { ServedNetwork } from './pools.ts'
import { ReplyPaths } from './reply-path.ts'

/** The configuration that clients get. */
export interface ClientConfig {
  /** DNS server; undefined for this machine's own address in the client's network. */
  readonly dnsAddress: number | undefined
  readonly dnsPort: number
  readonly dnsAdminPort: number
  readonly leaseSeconds: number
  /** '' for none. */
  readonly domain: string
  /** Options set by the user. They override the ones derived here. */
  readonly options: Options
}

/** What a reply depends on: the request, the path it came by, and the network it is answered for. */
export interface ReplyContext {
  readonly request: Message
  readonly arrived: Path
  readonly network: ServedNetwork
  /** This machine's address on the client's link, or on the route to its relay. It serves as the server identifier. */
  readonly serverAddress: number
}

/** A lease that is offered or acknowledged. */
export interface Grant {
  readonly yiaddr: number
  readonly leaseSeconds: number
  /** '' if the client keeps its own name. */
  readonly hostName: string
  /** The name registered in the DNS with the lease; undefined if there is none. */
  readonly name: string | undefined
  /** An ACK to a DISCOVER (RFC 4039). */
  readonly rapid: boolean
}

/** An encoded reply and where to send it. */
export interface Reply {
  readonly path: Path
  readonly bytes: Uint8Array
}

/**
 * RFC 2131 §2: every client accepts a datagram of 576 bytes. Larger ones go only to clients that accept them, and never
 * exceed an Ethernet frame.
 */
const DATAGRAM_BYTES_MIN = 576
const DATAGRAM_BYTES_MAX = 1500
const IP_AND_UDP_BYTES = 28
const FILE_LENGTH_MAX = 128
/**
 * A relay's information is a single option (RFC 3046 §2.0). No relay sends a longer one, which would leave no room for
 * the reply.
 */
const RELAY_AGENT_BYTES_MAX = 255
const SERVER_ADDRESSES_MAX = 64
/** A network has few kinds of clients. When this many templates are cached, all are dropped. */
const TEMPLATES_MAX = 256
/** No real client sends a longer parameter request list; a reply to one is not cached. */
const PARAMETERS_MAX = 128
const NOTHING: ReadonlyMap<number, Uint8Array> = new Map()
/** The value of option 53, encoded. */
const MESSAGE_TYPE_BYTES = { OFFER: Uint8Array.of(MESSAGE_TYPE.OFFER), ACK: Uint8Array.of(MESSAGE_TYPE.ACK), NAK: Uint8Array.of(MESSAGE_TYPE.NAK) } as const

/**
 * Writes replies. Clients of one kind, which request the same parameters on the same network, get the same options.
 * Those are encoded once as a template; each reply is a copy of it with the client's own header, client identifier and
 * relay option.
 */
export class Replies {
  readonly #config: ClientConfig
  /** Boot loaders look into the header, whatever options they request. */
  readonly #boot: { readonly siaddr: number; readonly file: string }
  /** The options that clients may request, by network, then server address, then option code. */
  readonly #configured = new Map<ServedNetwork, Map<number, ReadonlyMap<number, Uint8Array>>>()
  /** For Hamlet's own clients. */
  readonly #ports: ReadonlyMap<number, Uint8Array>
  /** Encoded options, by network and kind of client. */
  readonly #templates = new Map<ServedNetwork, Map<string, Uint8Array>>()
  readonly #replyPaths = new ReplyPaths()

  constructor(config: ClientConfig) {
    this.#config = config
    const { tftpServerName = '', bootFileName = '' } = config.options
    this.#boot = { siaddr: parseIpv4(tftpServerName) ?? 0, file: bootFileName.length < FILE_LENGTH_MAX ? bootFileName : '' }
    this.#ports = optionBytes({ vendorSpecific: encodeHamletPorts(config), vendorClass: HAMLET_CLASS })
  }

  /** An OFFER, or the ACK of a lease. */
  grant(type: 'OFFER' | 'ACK', context: ReplyContext, { yiaddr, leaseSeconds, hostName, name, rapid }: Grant): Reply {
    const { request } = context
    const { clientFqdn, parameterRequestList = [] } = request.options
    const header = this.#header(type, context, yiaddr)
    const isNamed = hostName !== '' && wants(request, OPTIONS.hostName.code)
    if (!rapid && clientFqdn === undefined && !isNamed && parameterRequestList.length <= PARAMETERS_MAX) {
      const bytes = encodeSequence(header, this.#template(type, context, leaseSeconds), echoedFrom(request), bytesMaxOf(request))
      if (bytes !== undefined) return { path: this.#replyPath(context, false), bytes }
    }
    const values = this.#grantValues(type, context, leaseSeconds)
    if (rapid) put(values, OPTIONS.rapidCommit, true)
    if (clientFqdn !== undefined) put(values, OPTIONS.clientFqdn, fqdnReply(clientFqdn, name, this.#config.domain))
    if (isNamed) put(values, OPTIONS.hostName, hostName)
    return this.#reply(context, header, values)
  }

  /**
   * A BOOTREPLY: the header, and those options that BOOTP knows too (RFC 1534 §2).
   * @param hostName '' if the client keeps its own name
   */
  bootpReply(context: ReplyContext, yiaddr: number, hostName: string): Reply {
    const { request, network, serverAddress } = context
    const values = new Map(this.#configuredFor(network, serverAddress))
    if (hostName !== '') put(values, OPTIONS.hostName, hostName)
    // RFC 951 §3: the boot server; this server's own address if no other is set.
    const header = { ...this.#header('ACK', context, yiaddr), siaddr: this.#boot.siaddr === 0 ? serverAddress : this.#boot.siaddr }
    for (const [code, value] of echoedFrom(request)) values.set(code, value)
    return { path: this.#replyPath(context, false), bytes: encodeBootp(header, values) }
  }

  /** The ACK to an INFORM, which carries no address and no lease time (RFC 2131 §4.3.5). */
  informReply(context: ReplyContext): Reply {
    return this.#reply(context, this.#header('ACK', context, 0), this.#begin('ACK', context, this.#requestedValues(context)))
  }

  /** A NAK. @param why sent to the client as option 56, Message (RFC 2132 §9.9) */
  nak(context: ReplyContext, why: string): Reply {
    const values = this.#begin('NAK', context, new Map<number, Uint8Array>())
    put(values, OPTIONS.message, why)
    return this.#reply(context, this.#header('NAK', context, 0), values, true)
  }

  /** The options of a grant that are the same for all clients of a kind. */
  #grantValues(type: 'OFFER' | 'ACK', context: ReplyContext, leaseSeconds: number): Map<number, Uint8Array> {
    const values = this.#begin(type, context, this.#requestedValues(context))
    const { renewalSeconds, rebindingSeconds } = timesOf(leaseSeconds, this.#config.options)
    put(values, OPTIONS.leaseSeconds, leaseSeconds)
    put(values, OPTIONS.renewalSeconds, renewalSeconds)
    put(values, OPTIONS.rebindingSeconds, rebindingSeconds)
    return values
  }

  /** The same, encoded and cached. */
  #template(type: 'OFFER' | 'ACK', context: ReplyContext, leaseSeconds: number): Uint8Array {
    const { request: { options: { parameterRequestList, vendorClass } }, network, serverAddress } = context
    const serverIdentifier = serverIdentifierFor(context.request, serverAddress)
    // The cache key: everything that #grantValues depends on, as a string of 16-bit numbers.
    const kind = String.fromCharCode(
      MESSAGE_TYPE[type], vendorClass === HAMLET_CLASS ? 1 : 0, parameterRequestList === undefined ? 0 : 1, leaseSeconds >>> 16, leaseSeconds,
      serverAddress >>> 16, serverAddress, serverIdentifier >>> 16, serverIdentifier, ...parameterRequestList ?? [],
    )
    const kinds = this.#templates.get(network) ?? new Map<string, Uint8Array>()
    const known = kinds.get(kind)
    if (known !== undefined) return known
    const sequence = sequenceOf(this.#grantValues(type, context, leaseSeconds), parameterRequestList ?? [])
    if (kinds.size >= TEMPLATES_MAX) kinds.clear()
    this.#templates.set(network, kinds.set(kind, sequence))
    return sequence
  }

  #begin(type: keyof typeof MESSAGE_TYPE_BYTES, { request, serverAddress }: ReplyContext, values: Map<number, Uint8Array>): Map<number, Uint8Array> {
    values.set(OPTIONS.messageType.code, MESSAGE_TYPE_BYTES[type])
    put(values, OPTIONS.serverIdentifier, serverIdentifierFor(request, serverAddress))
    return values
  }

  /**
   * RFC 2131 §4.3.1: the client says which parameters it wants, or gets all. It always gets the subnet mask, without
   * which an address is of no use, and a Hamlet client the ports, for which there is no option code to request.
   */
  #requestedValues({ request, network, serverAddress }: ReplyContext): Map<number, Uint8Array> {
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
    const configured = optionBytes(configuredIn(network, serverAddress, this.#config))
    const ofNetwork = this.#configured.get(network) ?? new Map<number, ReadonlyMap<number, Uint8Array>>()
    // A machine has few addresses. A relay that claims more (RFC 5107) does not get to fill the cache.
    if (ofNetwork.size < SERVER_ADDRESSES_MAX) this.#configured.set(network, ofNetwork.set(serverAddress, configured))
    return configured
  }

  #header(type: keyof typeof MESSAGE_TYPE_BYTES, { request }: ReplyContext, yiaddr: number): Header {
    const isNak = type === 'NAK'
    return {
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
  }

  #reply(context: ReplyContext, header: Header, values: Map<number, Uint8Array>, isNak = false): Reply {
    const { request } = context
    for (const [code, value] of echoedFrom(request)) values.set(code, value)
    return { path: this.#replyPath(context, isNak), bytes: encodeWith(header, values, request.options.parameterRequestList ?? [], bytesMaxOf(request)) }
  }

  #replyPath({ request, arrived, network, serverAddress }: ReplyContext, isNak: boolean): Path {
    return this.#replyPaths.of(request, arrived, network, serverAddress, isNak)
  }
}

/** Options that the reply echoes: the client identifier (RFC 6842 §3) and the relay's option (RFC 3046 §2.2). */
function echoedFrom({ options: { clientIdentifier, relayAgent } }: Message): ReadonlyMap<number, Uint8Array> {
  if (clientIdentifier === undefined && relayAgent === undefined) return NOTHING
  const echoed = new Map<number, Uint8Array>()
  if (clientIdentifier !== undefined) echoed.set(OPTIONS.clientIdentifier.code, clientIdentifier)
  if (relayAgent !== undefined && relayAgent.length <= RELAY_AGENT_BYTES_MAX) echoed.set(OPTIONS.relayAgent.code, relayAgent)
  return echoed
}

/** The largest message the client accepts. */
function bytesMaxOf({ options: { maxMessageBytes = DATAGRAM_BYTES_MIN } }: Message): number {
  return Math.min(DATAGRAM_BYTES_MAX, Math.max(DATAGRAM_BYTES_MIN, maxMessageBytes)) - IP_AND_UDP_BYTES
}

/** The server's address as the client knows it: its own, or the one a relay substitutes (RFC 5107). */
export function serverIdentifierFor({ options }: Message, serverAddress: number): number {
  return options.relayAgent === undefined ? serverAddress : decodeRelayAgent(options.relayAgent).serverIdentifierOverride ?? serverAddress
}

/** The options that clients of a network may request. The renewal times are left out: they depend on the lease. */
function configuredIn(network: ServedNetwork, serverAddress: number, config: ClientConfig): Options {
  return {
    subnetMask: maskOf(network.subnet.prefixBits),
    routers: network.router === undefined ? undefined : [network.router],
    dnsServers: [config.dnsAddress ?? serverAddress],
    domainName: config.domain === '' ? undefined : config.domain,
    broadcastAddress: broadcastOf(network.subnet),
    ...config.options,
    renewalSeconds: undefined,
    rebindingSeconds: undefined,
  }
}

function put<Value>(values: Map<number, Uint8Array>, { code, codec }: { readonly code: number; readonly codec: Codec<Value> }, value: Value): void {
  values.set(code, codec.encode(value))
}

function wants({ options: { parameterRequestList } }: Message, code: number): boolean {
  return parameterRequestList === undefined || parameterRequestList.includes(code)
}

/**
 * RFC 4702 §4: says whether this server updates the A record (S), whether that overrides the client's preference (O),
 * and which name it registers.
 * @param name undefined if it registers none
 */
function fqdnReply(clientFqdn: ClientFqdn, name: string | undefined, domain: string): ClientFqdn {
  const { S, O, E, N } = FQDN_FLAGS
  const updates = name === undefined ? 0 : S
  const overrides = (clientFqdn.flags & S) === updates ? 0 : O
  const [label = ''] = clientFqdn.name.split('.')
  const whole = label === '' || domain === '' ? clientFqdn.name : `${label}.${domain}.`
  return { flags: updates | overrides | (name === undefined ? N : 0) | (clientFqdn.flags & E), name: name === undefined ? whole : `${name}.` }
}
