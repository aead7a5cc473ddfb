/** Answers of the server: what stands in them (RFC 2131 §4.3.1, table 3). reply-path.ts says where they go. */
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

/** What clients are told. */
export interface Told {
  /** DNS server; undefined: this machine's own address in the client's network. */
  readonly dnsAddress: number | undefined
  readonly dnsPort: number
  readonly dnsAdminPort: number
  readonly leaseSeconds: number
  /** '' tells none. */
  readonly domain: string
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
  /** What is registered in the DNS with it; undefined: nothing. */
  readonly name: string | undefined
  /** The ACK comes without an OFFER before (RFC 4039). */
  readonly rapid: boolean
}

/** Something to send. */
export interface Reply {
  readonly path: Path
  readonly bytes: Uint8Array
}

/** RFC 2131 §2: every client takes a datagram of 576 bytes. More is sent only as far as it fits an Ethernet frame. */
const DATAGRAM_BYTES_MIN = 576
const DATAGRAM_BYTES_MAX = 1500
const IP_AND_UDP_BYTES = 28
const FILE_LENGTH_MAX = 128
/** A relay's option is one option (RFC 3046 §2.0); longer ones are nobody's, and would leave no room for the answer. */
const RELAY_AGENT_BYTES_MAX = 255
const SERVER_ADDRESSES_MAX = 64
/** A network has few kinds of clients; beyond so many, the options of all kinds are forgotten. */
const KINDS_MAX = 256
/** Longer lists of parameters are nobody's, and not worth remembering. */
const PARAMETERS_MAX = 128
const NOTHING: ReadonlyMap<number, Uint8Array> = new Map()
/** Option 53, as it is sent. */
const MESSAGE_TYPE_BYTES = { OFFER: Uint8Array.of(MESSAGE_TYPE.OFFER), ACK: Uint8Array.of(MESSAGE_TYPE.ACK), NAK: Uint8Array.of(MESSAGE_TYPE.NAK) } as const

/**
 * Writes answers. Clients of one kind, which ask in the same network for the same parameters, are told the same: that is laid out once,
 * and each answer is a copy of it with the client's own fields, its identifier and its relay's option.
 */
export class Replies {
  readonly #told: Told
  /** Where boot loaders look, whatever they ask for: in the header. */
  readonly #boot: { readonly siaddr: number; readonly file: string }
  /** What a network's clients are told, by option code, and which of it they get unasked; by network, then by server address. */
  readonly #configured = new Map<ServedNetwork, Map<number, ReadonlyMap<number, Uint8Array>>>()
  readonly #ports: ReadonlyMap<number, Uint8Array>
  /** Options as they are told to clients of one kind, by network and kind. */
  readonly #alike = new Map<ServedNetwork, Map<string, Uint8Array>>()
  readonly #replyPaths = new ReplyPaths()

  constructor(told: Told) {
    this.#told = told
    const { tftpServerName = '', bootFileName = '' } = told.options
    this.#boot = { siaddr: parseIpv4(tftpServerName) ?? 0, file: bootFileName.length < FILE_LENGTH_MAX ? bootFileName : '' }
    this.#ports = optionBytes({ vendorSpecific: encodeHamletPorts(told), vendorClass: HAMLET_CLASS })
  }

  /** OFFER or ACK. */
  grant(type: 'OFFER' | 'ACK', question: Question, { yiaddr, leaseSeconds, hostName, name, rapid }: Grant): Reply {
    const { request } = question
    const { clientFqdn, parameterRequestList = [] } = request.options
    const header = this.#headerOf(type, question, yiaddr)
    const isNamed = hostName !== '' && wants(request, OPTIONS.hostName.code)
    if (!rapid && clientFqdn === undefined && !isNamed && parameterRequestList.length <= PARAMETERS_MAX) {
      const bytes = encodeSequence(header, this.#toldAlike(type, question, leaseSeconds), echoedFrom(request), bytesMaxOf(request))
      if (bytes !== undefined) return { path: this.#replyPath(question, false), bytes }
    }
    const values = this.#grantValues(type, question, leaseSeconds)
    if (rapid) put(values, OPTIONS.rapidCommit, true)
    if (clientFqdn !== undefined) put(values, OPTIONS.clientFqdn, fqdnAnswer(clientFqdn, name, this.#told.domain))
    if (isNamed) put(values, OPTIONS.hostName, hostName)
    return this.#reply(question, header, values)
  }

  /**
   * BOOTREPLY: what stands in the header, and of the options those that BOOTP knows too (RFC 1534 §2).
   * @param hostName '' where the client keeps its own name
   */
  bootReply(question: Question, yiaddr: number, hostName: string): Reply {
    const { request, network, serverAddress } = question
    const values = new Map(this.#configuredFor(network, serverAddress))
    if (hostName !== '') put(values, OPTIONS.hostName, hostName)
    // RFC 951 §3: where no other boots it, this server's own address.
    const header = { ...this.#headerOf('ACK', question, yiaddr), siaddr: this.#boot.siaddr === 0 ? serverAddress : this.#boot.siaddr }
    for (const [code, value] of echoedFrom(request)) values.set(code, value)
    return { path: this.#replyPath(question, false), bytes: encodeBootp(header, values) }
  }

  /** The answer to INFORM, which lends nothing (RFC 2131 §4.3.5). */
  information(question: Question): Reply {
    return this.#reply(question, this.#headerOf('ACK', question, 0), this.#begin('ACK', question, this.#wantedBy(question)))
  }

  /** @param why goes to the client as option 56 (RFC 2132 §9.9) */
  refusal(question: Question, why: string): Reply {
    const values = this.#begin('NAK', question, new Map<number, Uint8Array>())
    put(values, OPTIONS.message, why)
    return this.#reply(question, this.#headerOf('NAK', question, 0), values, true)
  }

  /** The options of a grant, but for what is the client's alone. */
  #grantValues(type: 'OFFER' | 'ACK', question: Question, leaseSeconds: number): Map<number, Uint8Array> {
    const values = this.#begin(type, question, this.#wantedBy(question))
    const { renewalSeconds, rebindingSeconds } = timesOf(leaseSeconds, this.#told.options)
    put(values, OPTIONS.leaseSeconds, leaseSeconds)
    put(values, OPTIONS.renewalSeconds, renewalSeconds)
    put(values, OPTIONS.rebindingSeconds, rebindingSeconds)
    return values
  }

  /** The same, laid out: one for all clients of a kind. */
  #toldAlike(type: 'OFFER' | 'ACK', question: Question, leaseSeconds: number): Uint8Array {
    const { request: { options: { parameterRequestList, vendorClass } }, network, serverAddress } = question
    const serverIdentifier = serverIdentifierFor(question.request, serverAddress)
    // A text of 16-bit numbers: all that #grantValues looks at.
    const kind = String.fromCharCode(
      MESSAGE_TYPE[type], vendorClass === HAMLET_CLASS ? 1 : 0, parameterRequestList === undefined ? 0 : 1, leaseSeconds >>> 16, leaseSeconds,
      serverAddress >>> 16, serverAddress, serverIdentifier >>> 16, serverIdentifier, ...parameterRequestList ?? [],
    )
    const kinds = this.#alike.get(network) ?? new Map<string, Uint8Array>()
    const known = kinds.get(kind)
    if (known !== undefined) return known
    const sequence = sequenceOf(this.#grantValues(type, question, leaseSeconds), parameterRequestList ?? [])
    if (kinds.size >= KINDS_MAX) kinds.clear()
    this.#alike.set(network, kinds.set(kind, sequence))
    return sequence
  }

  #begin(type: keyof typeof MESSAGE_TYPE_BYTES, { request, serverAddress }: Question, values: Map<number, Uint8Array>): Map<number, Uint8Array> {
    values.set(OPTIONS.messageType.code, MESSAGE_TYPE_BYTES[type])
    put(values, OPTIONS.serverIdentifier, serverIdentifierFor(request, serverAddress))
    return values
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

  #headerOf(type: keyof typeof MESSAGE_TYPE_BYTES, { request }: Question, yiaddr: number): Header {
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

  #reply(question: Question, header: Header, values: Map<number, Uint8Array>, isNak = false): Reply {
    const { request } = question
    for (const [code, value] of echoedFrom(request)) values.set(code, value)
    return { path: this.#replyPath(question, isNak), bytes: encodeWith(header, values, request.options.parameterRequestList ?? [], bytesMaxOf(request)) }
  }

  #replyPath({ request, arrived, network, serverAddress }: Question, isNak: boolean): Path {
    return this.#replyPaths.of(request, arrived, network, serverAddress, isNak)
  }
}

/** What goes back to whom it came from: the client's identifier (RFC 6842 §3) and the relay's option (RFC 3046 §2.2). */
function echoedFrom({ options: { clientIdentifier, relayAgent } }: Message): ReadonlyMap<number, Uint8Array> {
  if (clientIdentifier === undefined && relayAgent === undefined) return NOTHING
  const echoed = new Map<number, Uint8Array>()
  if (clientIdentifier !== undefined) echoed.set(OPTIONS.clientIdentifier.code, clientIdentifier)
  if (relayAgent !== undefined && relayAgent.length <= RELAY_AGENT_BYTES_MAX) echoed.set(OPTIONS.relayAgent.code, relayAgent)
  return echoed
}

/** What the asker takes. */
function bytesMaxOf({ options: { maxMessageBytes = DATAGRAM_BYTES_MIN } }: Message): number {
  return Math.min(DATAGRAM_BYTES_MAX, Math.max(DATAGRAM_BYTES_MIN, maxMessageBytes)) - IP_AND_UDP_BYTES
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

function put<Value>(values: Map<number, Uint8Array>, { code, codec }: { readonly code: number; readonly codec: Codec<Value> }, value: Value): void {
  values.set(code, codec.encode(value))
}

function wants({ options: { parameterRequestList } }: Message, code: number): boolean {
  return parameterRequestList === undefined || parameterRequestList.includes(code)
}

/**
 * RFC 4702 §4: whether this server does the A record, and against the client's wish; where it does, the name that it registers.
 * @param name undefined: it registers none
 */
function fqdnAnswer(clientFqdn: ClientFqdn, name: string | undefined, domain: string): ClientFqdn {
  const { S, O, E, N } = FQDN_FLAGS
  const does = name === undefined ? 0 : S
  const overrides = (clientFqdn.flags & S) === does ? 0 : O
  const [label = ''] = clientFqdn.name.split('.')
  const whole = label === '' || domain === '' ? clientFqdn.name : `${label}.${domain}.`
  return { flags: does | overrides | (name === undefined ? N : 0) | (clientFqdn.flags & E), name: name === undefined ? whole : `${name}.` }
}
