/**
 * Connections to servers over TCP and RUDP: dialed, kept for the next request to the same endpoint, and closed.
 * node:http works over any stream that its agent returns, so both transports share its agent and parser.
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
import { headFault } from './core/response-head.ts'

/** Time, randomness and trace. */
export interface Environment {
  readonly clock: Clock
  readonly random: Random
  readonly trace: TraceRing
}

/** How RUDP connections are made. */
export interface RudpOptions {
  /** Gets every event of the connections. */
  readonly observe?: Observe | undefined
  /** The servers and their keys; undefined: no encryption. */
  readonly encryption?: KnownServers | undefined
  /** What encrypts them; node:crypto by default. */
  readonly cryptography?: Cryptography | undefined
  /** The lab that shows and conditions them. */
  readonly lab?: Lab | undefined
}

export interface RequestHead {
  readonly transport: Transport
  /** The server as the user typed it, such as `192.168.1.10:8080`. An encrypted server's key is remembered under it. */
  readonly authority: string
  readonly method: string
  readonly path: string
  readonly fields: readonly HeaderField[]
  /** A body follows, which the caller writes. Otherwise the request is complete and is sent at once. */
  readonly hasBody: boolean
  /** Aborting it destroys the request and its connection. */
  readonly signal: AbortSignal
  /** Use a new connection, and close it afterwards. */
  readonly fresh?: boolean
  /** Gets each interim response: Continue, Early Hints (RFC 9110 §15.2). */
  readonly onInterim?: (interim: InformationEvent) => void
}

/** A request with its connection. */
export interface OpenRequest {
  readonly request: ClientRequest
  /**
   * The head of the response; the caller reads the body.
   * @throws HamletError connection-lost, timed-out, or malformed-packet if the server does not speak HTTP
   */
  readonly response: Promise<IncomingMessage>
  readonly connect: ConnectMeasure
}

export interface ConnectMeasure {
  readonly transport: Transport
  readonly encrypted: boolean
  readonly peer: string
  /** Duration of the handshake; 0 for a reused connection. */
  readonly tookMs: number
  readonly fromMs: number
  readonly toMs: number
  /** Requests on this connection so far, including this one. */
  readonly requests: number
}

const DIAL_MS_MAX = 5_000
const IDLE_MS_MAX = 30_000
/** TCP keep-alive probes start after this silence; the system gives up ten seconds later. RUDP has its own probes. */
const SILENT_MS_MAX = 60_000
/** Limit of a response head. */
const HEADER_BYTES_MAX = 16 * 1024
/** How long a server may take until its first byte, and how long it may read nothing of the request body. */
const RESPONSE_MS_MAX = 120_000
/** Safe methods (RFC 9110 §9.2.1), which may be repeated. */
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD']
/** No limit of connections in use: a request that node:http queues for one is forgotten if none becomes free. */
const KEEP_ALIVE = { keepAlive: true, timeout: IDLE_MS_MAX, scheduling: 'lifo', maxFreeSockets: 8 } as const

export class Connections {
  readonly #environment: Environment
  /** `kept`: reuses TCP connections. */
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
    this.#agents = { kept: this.#agent('tcp', KEEP_ALIVE), tcp: this.#agent('tcp'), rudp: this.#agent('rudp') }
  }

  /**
   * Connects to the first candidate that can be reached.
   * @throws HamletError connection-refused or timed-out, from the last candidate tried
   */
  open(candidates: readonly Endpoint[], head: RequestHead): Promise<OpenRequest> {
    // Another address of the name may have the right key, but the user must hear about the wrong one first.
    return firstOf(candidates, peer => this.#openOn(peer, head), error => head.signal.aborted || partsOf(error).code === 'identity-changed')
  }

  /** The same for a bare TCP connection. Either side may end its half. */
  dial(candidates: readonly Endpoint[]): Promise<Duplex> {
    return firstOf(candidates, peer => this.#dialTcp(peer, true), () => false)
  }

  /** Closes every connection, in use or idle. Resolves when what was learned about servers is on disk. */
  async close(): Promise<void> {
    this.#closed = true
    for (const agent of Object.values(this.#agents)) agent.destroy()
    for (const stream of this.#open) stream.destroy()
    await this.#dialer.close()
  }

  async #openOn(peer: Endpoint, { transport, authority, method, path, fields, hasBody, signal, fresh, onInterim }: RequestHead): Promise<OpenRequest> {
    const mayRepeat = SAFE_METHODS.includes(method)
        // A kept connection may be closing at this very moment, so only repeatable requests use one. Over RUDP, each
        // request gets its own
    // stream: that costs no handshake, and only a stream that ends with its response has parity (docs/rudp.md §7). The
    // dialer keeps the connection.
    const keeps = transport === 'tcp' && mayRepeat && fresh !== true
    const options = { agent: this.#agents[keeps ? 'kept' : transport], host: peer.address, port: peer.port, authority, method, path, setHost: false, early: mayRepeat, maxHeaderSize: HEADER_BYTES_MAX }
    const outgoing = request(options)
    outgoing.maxHeadersCount = 0 // unlimited: their total length is limited
    outgoing.shouldKeepAlive = keeps
    abortOn(signal, outgoing)
    const response = responseTo(outgoing, transport, peer, this.#environment.clock, onInterim)
    response.catch(() => undefined) // the caller gets the rejection; until then it must not end the process
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
   * Resolves before the handshake ends: what is written meanwhile is sent as soon as the server has answered.
   * @param name under which the server's key is remembered
   * @param early the first request may be repeated, so it may be sent before the server has confirmed the connection
   */
  async #dialRudp(peer: Endpoint, name: string, early: boolean): Promise<Duplex> {
    const dialledAtMs = this.#environment.clock.nowMs()
    const stream = await this.#dialer.connect(peer, { name, early })
    stream.lendsPieces = true
    return this.#keepTrack(stream, dialledAtMs, stream.number - 1)
  }

  /** @param requests how many its connection has carried already */
  #keepTrack(stream: Duplex, dialledAtMs: number, requests: number): Duplex {
    this.#used.set(stream, { dialledAtMs, requests })
    this.#open.add(stream)
    stream.once('close', () => this.#open.delete(stream))
    stream.on('error', () => undefined) // an idle connection may fail
    if (this.#closed) stream.destroy()
    return stream
  }

  #agent(transport: Transport, options: AgentOptions = {}): Agent {
    const createConnection = (server: Server & { early: boolean }, done: (error: Error | null, stream?: Duplex) => void) => {
      const peer = { address: server.host, port: server.port }
      const dialling = transport === 'tcp' ? this.#dialTcp(peer, false) : this.#dialRudp(peer, server.authority, server.early)
      dialling.then(stream => done(null, stream), done)
    }
    // The same endpoint under another name is another server: their connections are not shared.
    const getName = ({ authority, host, port }: Server) => `${authority} ${host}:${port}`
    // Assigned rather than overridden: the types of the oldest supported Node lack these methods, though it has them.
    return Object.assign(new Agent(options), { createConnection, getName })
  }
}

/** @throws the error of the last candidate tried; a final error stops the search */
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

/** In place of node:http's `signal` option, which Node 16 ignores once the request is written. */
function abortOn(signal: AbortSignal, outgoing: ClientRequest): void {
  const abort = () => outgoing.destroy(new Error('aborted'))
  if (signal.aborted) return void abort()
  signal.addEventListener('abort', abort)
  outgoing.once('close', () => signal.removeEventListener('abort', abort))
}

interface Server {
  readonly host: string
  readonly port: number
  readonly authority: string
}

/** The connection of a request, once its server has answered. @throws HamletError from dialing */
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
      cancel = clock.wakeAt(clock.nowMs() + RESPONSE_MS_MAX, () => {
        // While the browser still sends the body and the server keeps up, the server is not the slow one.
        if (outgoing.writableFinished || outgoing.writableLength > 0) outgoing.destroy(timedOut(peer, outgoing))
        else watch()
      })
    }
    outgoing.once('socket', watch).on('drain', watch).once('finish', watch)
    outgoing.on('error', (error: NodeJS.ErrnoException) => reject(error instanceof HamletError ? error : failed(transport, peer, error)))
    outgoing.once('close', () => {
      cancel()
      reject(failed(transport, peer, new Error('closed')))
    })
    outgoing.on('information', interim => {
      watch() // 102 says that the server is still working (RFC 2518 §10.1)
      const fault = headFault(interim.statusCode, interim.statusMessage, interim.rawHeaders)
      if (fault === undefined) onInterim?.(interim)
      else outgoing.destroy(notHttp(transport, peer, fault))
    })
    outgoing.once('response', response => {
      cancel()
      const fault = headFault(response.statusCode ?? 0, response.statusMessage ?? '', response.rawHeaders)
      if (fault === undefined) resolve(response)
      else outgoing.destroy(notHttp(transport, peer, fault))
    })
    // Without a listener, node:http reports only that the connection was closed.
    outgoing.once('upgrade', (response, socket: Duplex) => {
      socket.destroy()
      reject(notHttp(transport, peer, headFault(response.statusCode ?? 0, '', []) ?? 'it switched protocols without being asked to'))
    })
  })
}

function timedOut(peer: Endpoint, { writableFinished }: ClientRequest): HamletError {
  const why = `${writableFinished ? 'it sent nothing' : 'it read nothing of the request'} for ${RESPONSE_MS_MAX / 1000} s`
  return new HamletError({ code: 'timed-out', what: `${formatEndpoint(peer)} did not respond`, why, remedy: 'try again, or check the server\'s log' })
}

function failed(transport: Transport, peer: Endpoint, error: NodeJS.ErrnoException): HamletError {
  if (error.code === 'HPE_HEADER_OVERFLOW') return headTooLong(transport, peer, error)
  if (error.code?.startsWith('HPE_') === true) return notHttp(transport, peer, error.message, error)
  const name = formatEndpoint(peer)
  const proof = `${error.code ?? error.message} from ${name} over ${transport.toUpperCase()}`
  return new HamletError({ code: 'connection-lost', what: `${name} closed the connection`, why: 'it had not answered yet', remedy: 'check that the server is still running, and try again', proof }, { cause: error })
}

function headTooLong(transport: Transport, peer: Endpoint, cause: NodeJS.ErrnoException): HamletError {
  const name = formatEndpoint(peer)
  const proof = `${cause.code ?? ''} from ${name} over ${transport.toUpperCase()}`
  return new HamletError({ code: 'malformed-packet', what: `${name} sent a response head that is too long`, why: `it has more than ${HEADER_BYTES_MAX} bytes`, remedy: 'find out which header fields of the response are so long', proof }, { cause })
}

function notHttp(transport: Transport, peer: Endpoint, why: string, cause?: NodeJS.ErrnoException): HamletError {
  const name = formatEndpoint(peer)
  const proof = `${cause?.code ?? 'a response head'} from ${name} over ${transport.toUpperCase()}`
  return new HamletError({ code: 'malformed-packet', what: `The response of ${name} is not valid HTTP`, why, remedy: 'check that this is the port of the application server', proof }, { cause })
}
