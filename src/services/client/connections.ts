/**
 * Connections to servers, over TCP and RUDP alike: dialled, kept for the next request to the same endpoint, and closed. node:http
 * speaks over whatever a dialler returns, so both transports share its agent and its parser.
 */
import { Agent, request, type AgentOptions, type ClientRequest, type IncomingMessage, type InformationEvent } from 'node:http'
import type { Duplex } from 'node:stream'
import { formatEndpoint, type Endpoint } from '../kit/endpoint.ts'
import { HamletError, partsOf } from '../kit/errors.ts'
import type { Random } from '../kit/random.ts'
import type { TraceRing } from '../kit/trace.ts'
import type { Clock } from '../kit/node/clock.ts'
import { connectStream } from '../kit/node/streams.ts'
import type { Cryptography } from '../rudp/core/encryption/cryptography.ts'
import type { Observe } from '../rudp/core/endpoint.ts'
import { RudpDialer } from '../rudp/dialer.ts'
import type { KnownServers } from '../rudp/known-servers.ts'
import type { Lab } from '../rudp/lab.ts'
import { RudpSocket } from '../rudp/socket.ts'
import type { Transport } from './contract.ts'
import type { HeaderField } from './core/headers.ts'
import { faultOfHead } from './core/response-head.ts'

/** Time, randomness and the trace of whoever dials. */
export interface Environment {
  readonly clock: Clock
  readonly random: Random
  readonly trace: TraceRing
}

/** How RUDP connections are made. */
export interface RudpOptions {
  /** Hears of everything that happens in them. */
  readonly observe?: Observe | undefined
  /** Encrypts them, to servers that are known or new; undefined: they are readable. */
  readonly encryption?: KnownServers | undefined
  /** What encrypts them; node:crypto, if nothing else is said. */
  readonly cryptography?: Cryptography | undefined
  /** In which they stand. */
  readonly lab?: Lab | undefined
}

export interface RequestHead {
  readonly transport: Transport
  /** The server as the person named it: `my-app.home`, `192.168.1.10:8080`. An encrypted one is known by this name. */
  readonly authority: string
  readonly method: string
  readonly path: string
  readonly fields: readonly HeaderField[]
  /** More follows the head: a body, which is then the caller's to write. Else the request is whole, and leaves as soon as it can. */
  readonly hasBody: boolean
  /** Aborting it destroys the request and its connection. */
  readonly signal: AbortSignal
  /** On a connection of its own, closed afterwards. */
  readonly fresh?: boolean
  /** Hears of each interim response: Continue, Early Hints (RFC 9110 §15.2). */
  readonly onInterim?: (interim: InformationEvent) => void
}

/** A request that has its connection. */
export interface OpenRequest {
  readonly request: ClientRequest
  /**
   * The head of the response; its body is still to be read.
   * @throws HamletError connection-lost, timed-out, or malformed-packet where the server does not speak HTTP
   */
  readonly response: Promise<IncomingMessage>
  readonly connect: ConnectMeasure
}

export interface ConnectMeasure {
  readonly transport: Transport
  readonly encrypted: boolean
  readonly peer: string
  /** The handshake; 0 for a connection that was there. */
  readonly tookMs: number
  readonly fromMs: number
  readonly toMs: number
  /** Requests on this connection, with this one. */
  readonly requests: number
}

const DIAL_MS_MAX = 5_000
const IDLE_MS_MAX = 30_000
/** A server whose machine has gone without a word is asked for after so long of silence; the system gives it up ten seconds later. RUDP does that itself. */
const SILENT_MS_MAX = 60_000
/** Of a response. */
const HEADER_BYTES_MAX = 16 * 1024
/** How long a server may think before its first byte, and how long it may take nothing of a body. */
const ANSWER_MS_MAX = 120_000
/** RFC 9110 §9.2.1: what may be asked twice. */
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD']
/** No limit to the connections that are used: a request that node:http holds back for one is forgotten where none comes about any more. */
const KEPT = { keepAlive: true, timeout: IDLE_MS_MAX, scheduling: 'lifo', maxFreeSockets: 8 } as const

export class Connections {
  readonly #environment: Environment
  /** `kept`: TCP's, for requests to come. */
  readonly #agents: Readonly<Record<'kept' | Transport, Agent>>
  readonly #dialer: RudpDialer
  readonly #encrypts: boolean
  readonly #open = new Set<Duplex>()
  readonly #used = new WeakMap<Duplex, { readonly dialledAtMs: number; requests: number }>()
  #closed = false

  constructor(environment: Environment, rudp: RudpOptions = {}) {
    this.#environment = environment
    this.#dialer = new RudpDialer({ ...environment, ...rudp, timeoutMs: DIAL_MS_MAX })
    this.#encrypts = rudp.encryption !== undefined
    this.#agents = { kept: this.#agent('tcp', KEPT), tcp: this.#agent('tcp'), rudp: this.#agent('rudp') }
  }

  /**
   * Connects to the first of the candidates that can be reached.
   * @throws HamletError connection-refused or timed-out, of the last one tried
   */
  open(candidates: readonly Endpoint[], head: RequestHead): Promise<OpenRequest> {
    // Another address of the name may be served by who was asked for; but first a person has to know.
    return firstOf(candidates, peer => this.#openOn(peer, head), error => head.signal.aborted || partsOf(error).code === 'identity-changed')
  }

  /** The same for a bare TCP connection. Either side may end its half of it. */
  dial(candidates: readonly Endpoint[]): Promise<Duplex> {
    return firstOf(candidates, peer => this.#dialTcp(peer, true), () => false)
  }

  /** Ends every connection, used or idle. Returns when what was learnt of servers is on disk. */
  async close(): Promise<void> {
    this.#closed = true
    for (const agent of Object.values(this.#agents)) agent.destroy()
    for (const stream of this.#open) stream.destroy()
    await this.#dialer.close()
  }

  async #openOn(peer: Endpoint, { transport, authority, method, path, fields, hasBody, signal, fresh, onInterim }: RequestHead): Promise<OpenRequest> {
    const mayRepeat = SAFE_METHODS.includes(method)
    // A kept connection may be ending at this very moment. And a stream costs RUDP no handshake, and only one that ends with its answer has a
    // parity (docs/rudp.md §7); its connection is the dialer's to keep.
    const keeps = transport === 'tcp' && mayRepeat && fresh !== true
    const options = { agent: this.#agents[keeps ? 'kept' : transport], host: peer.address, port: peer.port, authority, method, path, setHost: false, early: mayRepeat, maxHeaderSize: HEADER_BYTES_MAX }
    const outgoing = request(options)
    outgoing.maxHeadersCount = 0 // their length is limited
    outgoing.shouldKeepAlive = keeps
    breakOffAt(signal, outgoing)
    const response = responseTo(outgoing, transport, peer, this.#environment.clock, onInterim)
    response.catch(() => undefined) // heard by whoever waits; alone it must not end the process
    for (const [name, values] of fields) outgoing.setHeader(name, values.length === 1 ? values[0] ?? '' : values)
    if (!hasBody) outgoing.end()
    const stream = await connected(outgoing)
    const nowMs = this.#environment.clock.nowMs()
    const used = this.#used.get(stream) ?? { dialledAtMs: nowMs, requests: 0 }
    used.requests++
    const fromMs = used.requests === 1 ? used.dialledAtMs : nowMs
    const encrypted = transport === 'rudp' && this.#encrypts
    return { request: outgoing, response, connect: { transport, encrypted, peer: formatEndpoint(peer), requests: used.requests, tookMs: nowMs - fromMs, fromMs, toMs: nowMs } }
  }

  #dialTcp(peer: Endpoint, allowHalfOpen: boolean): Promise<Duplex> {
    const dialledAtMs = this.#environment.clock.nowMs()
    return connectStream(peer, DIAL_MS_MAX, { allowHalfOpen }).then(stream => this.#keepTrack(stream.setKeepAlive(true, SILENT_MS_MAX), dialledAtMs, 0))
  }

  /**
   * What is asked meanwhile leaves as soon as the server has answered.
   * @param name what the server is known by
   * @param early the first request may be done twice, so it may leave before the server has confirmed the connection
   */
  async #dialRudp(peer: Endpoint, name: string, early: boolean): Promise<Duplex> {
    const dialledAtMs = this.#environment.clock.nowMs()
    const stream = await this.#dialer.connect(peer, { name, early })
    stream.lendsPieces = true
    return this.#keepTrack(stream, dialledAtMs, stream.number - 1)
  }

  /** @param requests that its connection has had already */
  #keepTrack(stream: Duplex, dialledAtMs: number, requests: number): Duplex {
    this.#used.set(stream, { dialledAtMs, requests })
    this.#open.add(stream)
    stream.once('close', () => this.#open.delete(stream))
    stream.on('error', () => undefined) // a connection may break while nobody uses it
    if (this.#closed) stream.destroy()
    return stream
  }

  #agent(transport: Transport, options: AgentOptions = {}): Agent {
    const createConnection = (server: Server & { early: boolean }, done: (error: Error | null, stream?: Duplex) => void) => {
      const peer = { address: server.host, port: server.port }
      const dialling = transport === 'tcp' ? this.#dialTcp(peer, false) : this.#dialRudp(peer, server.authority, server.early)
      dialling.then(stream => done(null, stream), done)
    }
    // Under another name the same endpoint is another server: what is kept for the one is not used for the other.
    const getName = ({ authority, host, port }: Server) => `${authority} ${host}:${port}`
    // Assigned and not overridden: the oldest Node that this is checked against does not declare the methods, though it has them.
    return Object.assign(new Agent(options), { createConnection, getName })
  }
}

/** @throws what the last one that was tried threw; none is tried after what is final */
async function firstOf<T>(candidates: readonly Endpoint[], attempt: (peer: Endpoint) => Promise<T>, isFinal: (error: unknown) => boolean): Promise<T> {
  let failure: unknown
  for (const peer of candidates) {
    try {
      return await attempt(peer)
    } catch (error) {
      failure = error
      if (isFinal(error)) break
    }
  }
  throw failure
}

/** Not by node:http's own `signal`: Node 16 no longer hears that one once the request is written. */
function breakOffAt(signal: AbortSignal, outgoing: ClientRequest): void {
  const breakOff = () => outgoing.destroy(new Error('broken off'))
  if (signal.aborted) return void breakOff()
  signal.addEventListener('abort', breakOff)
  outgoing.once('close', () => signal.removeEventListener('abort', breakOff))
}

interface Server {
  readonly host: string
  readonly port: number
  readonly authority: string
}

/** The connection of a request, when its server has answered. @throws HamletError of who dialled */
function connected(outgoing: ClientRequest): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    outgoing.once('error', reject)
    outgoing.once('socket', (socket: Duplex) => {
      if (socket instanceof RudpSocket && socket.connecting) socket.once('connect', () => resolve(socket))
      else resolve(socket)
    })
  })
}

/** OpenRequest.response */
function responseTo(outgoing: ClientRequest, transport: Transport, peer: Endpoint, clock: Clock, onInterim: RequestHead['onInterim']): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let cancel = (): void => undefined
    const watch = (): void => {
      cancel()
      cancel = clock.wakeAt(clock.nowMs() + ANSWER_MS_MAX, () => {
        // A body that is not whole and not held up is waited for by the server, too.
        if (outgoing.writableFinished || outgoing.writableLength > 0) outgoing.destroy(silent(peer, outgoing))
        else watch()
      })
    }
    outgoing.once('socket', watch).on('drain', watch).once('finish', watch)
    outgoing.on('error', (error: NodeJS.ErrnoException) => reject(error instanceof HamletError ? error : broken(transport, peer, error)))
    outgoing.once('close', () => {
      cancel()
      reject(broken(transport, peer, new Error('closed')))
    })
    outgoing.on('information', interim => {
      watch() // the server is at work: 102 says so (RFC 2518 §10.1)
      const fault = faultOfHead(interim.statusCode, interim.statusMessage, interim.rawHeaders)
      if (fault === undefined) onInterim?.(interim)
      else outgoing.destroy(notHttp(transport, peer, fault))
    })
    outgoing.once('response', response => {
      cancel()
      const fault = faultOfHead(response.statusCode ?? 0, response.statusMessage ?? '', response.rawHeaders)
      if (fault === undefined) resolve(response)
      else outgoing.destroy(notHttp(transport, peer, fault))
    })
    // Without a listener node:http says only that the connection is over.
    outgoing.once('upgrade', (response, socket: Duplex) => {
      socket.destroy()
      reject(notHttp(transport, peer, faultOfHead(response.statusCode ?? 0, '', []) ?? 'it changed the protocol unasked'))
    })
  })
}

function silent(peer: Endpoint, { writableFinished }: ClientRequest): HamletError {
  const why = `it took ${writableFinished ? 'the request and was silent' : 'nothing of the request'} for ${ANSWER_MS_MAX / 1000} s`
  return new HamletError({ code: 'timed-out', what: `${formatEndpoint(peer)} gave no answer`, why, remedy: 'try again, or look at the server\'s log' })
}

function broken(transport: Transport, peer: Endpoint, error: NodeJS.ErrnoException): HamletError {
  if (error.code === 'HPE_HEADER_OVERFLOW') return longHead(transport, peer, error)
  if (error.code?.startsWith('HPE_') === true) return notHttp(transport, peer, error.message, error)
  const name = formatEndpoint(peer)
  const proof = `${error.code ?? error.message} from ${name} by ${transport.toUpperCase()}`
  return new HamletError({ code: 'connection-lost', what: `${name} ended the connection`, why: 'no answer had come yet', remedy: 'check that the server still runs, and try again', proof }, { cause: error })
}

function longHead(transport: Transport, peer: Endpoint, cause: NodeJS.ErrnoException): HamletError {
  const name = formatEndpoint(peer)
  const proof = `${cause.code ?? ''} from ${name} by ${transport.toUpperCase()}`
  return new HamletError({ code: 'malformed-packet', what: `${name} sent too long a head`, why: `it has more than ${HEADER_BYTES_MAX} bytes`, remedy: 'look which fields of the answer are so long', proof }, { cause })
}

function notHttp(transport: Transport, peer: Endpoint, why: string, cause?: NodeJS.ErrnoException): HamletError {
  const name = formatEndpoint(peer)
  const proof = `${cause?.code ?? 'a head'} from ${name} by ${transport.toUpperCase()}`
  return new HamletError({ code: 'malformed-packet', what: `${name} did not answer in HTTP`, why, remedy: 'check that the port is the one of the application server', proof }, { cause })
}
