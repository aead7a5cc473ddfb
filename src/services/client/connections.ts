/**
 * Connections to servers, over TCP and RUDP alike: dialled, kept for the next request to the same endpoint, and closed. node:http
 * speaks over whatever a dialler returns, so both transports share its agent and its parser.
 */
import { Agent, request, type AgentOptions, type ClientRequest, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { formatEndpoint, type Endpoint } from '../kit/endpoint.ts'
import { HamletError, partsOf } from '../kit/errors.ts'
import type { Random } from '../kit/random.ts'
import type { TraceRing } from '../kit/trace.ts'
import type { Clock } from '../kit/node/clock.ts'
import { connectStream } from '../kit/node/streams.ts'
import type { Observe } from '../rudp/core/endpoint.ts'
import { RudpDialer } from '../rudp/dialer.ts'
import type { KnownServers } from '../rudp/known-servers.ts'
import type { Lab } from '../rudp/lab.ts'
import { RudpSocket } from '../rudp/socket.ts'
import type { Transport } from './contract.ts'
import type { HeaderField } from './core/headers.ts'

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
  /** Aborting it destroys the request and its connection. */
  readonly signal: AbortSignal
  /** On a connection of its own, closed afterwards. */
  readonly fresh?: boolean
}

/** A request that has its connection; nothing was sent yet. Errors are heard by `responseTo`. */
export interface OpenRequest {
  readonly request: ClientRequest
  readonly connect: ConnectMeasure
}

export interface ConnectMeasure {
  readonly transport: Transport
  readonly encrypted: boolean
  readonly peer: string
  /** The handshake; 0 for a connection that was there. */
  readonly tookMs: number
  /** Requests on this connection, with this one. */
  readonly requests: number
}

const DIAL_MS_MAX = 5_000
const IDLE_MS_MAX = 30_000
/** How long a server may think before its first byte. */
const ANSWER_MS_MAX = 120_000
/** RFC 9110 §9.2.1: what may be asked twice. */
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD']
const AT_ONCE = { maxSockets: 32, maxTotalSockets: 256 } as const
const KEPT = { ...AT_ONCE, keepAlive: true, timeout: IDLE_MS_MAX, scheduling: 'lifo', maxFreeSockets: 8 } as const

export class Connections {
  readonly #environment: Environment
  /** `kept`: TCP's, for requests to come. */
  readonly #agents: Readonly<Record<'kept' | Transport, Agent>>
  readonly #dialer: RudpDialer
  readonly #encrypts: boolean
  readonly #open = new Set<Duplex>()
  readonly #used = new WeakMap<Duplex, { readonly tookMs: number; requests: number }>()
  #closed = false

  constructor(environment: Environment, rudp: RudpOptions = {}) {
    this.#environment = environment
    this.#dialer = new RudpDialer({ ...environment, ...rudp, timeoutMs: DIAL_MS_MAX })
    this.#encrypts = rudp.encryption !== undefined
    this.#agents = { kept: this.#agent('tcp', KEPT), tcp: this.#agent('tcp', AT_ONCE), rudp: this.#agent('rudp', AT_ONCE) }
  }

  /**
   * Connects to the first of the candidates that can be reached.
   * @throws HamletError connection-refused or timed-out, of the last one tried
   */
  async open(candidates: readonly Endpoint[], head: RequestHead): Promise<OpenRequest> {
    let failure: unknown
    for (const peer of candidates) {
      try {
        return await this.#openOn(peer, head)
      } catch (error) {
        failure = error
        // Another address of the name may be served by who was asked for; but first a person has to know.
        if (head.signal.aborted || partsOf(error).code === 'identity-changed') break
      }
    }
    throw failure
  }

  /**
   * @param name what the server is known by
   * @param early the first request may be done twice, so RUDP may send it before the server has confirmed the connection
   * @throws HamletError connection-refused or timed-out; where RUDP is encrypted also refused or identity-changed
   */
  async dial(transport: Transport, peer: Endpoint, name = formatEndpoint(peer), early = false): Promise<Duplex> {
    const startedAtMs = this.#environment.clock.nowMs()
    const stream = await (transport === 'tcp' ? connectStream(peer, DIAL_MS_MAX) : this.#dialer.dial(peer, { name, early }))
    const requests = stream instanceof RudpSocket ? stream.number - 1 : 0
    this.#used.set(stream, { tookMs: this.#environment.clock.nowMs() - startedAtMs, requests })
    this.#open.add(stream)
    stream.once('close', () => this.#open.delete(stream))
    stream.on('error', () => undefined) // a connection may break while nobody uses it
    if (this.#closed) stream.destroy()
    return stream
  }

  /** Ends every connection, used or idle. Returns when what was learnt of servers is on disk. */
  async close(): Promise<void> {
    this.#closed = true
    for (const agent of Object.values(this.#agents)) agent.destroy()
    for (const stream of this.#open) stream.destroy()
    await this.#dialer.close()
  }

  async #openOn(peer: Endpoint, { transport, authority, method, path, fields, signal, fresh }: RequestHead): Promise<OpenRequest> {
    const early = SAFE_METHODS.includes(method)
    // A stream costs RUDP no handshake, and only one that ends with its answer has a parity (docs/rudp.md §7); its connection is the dialer's to keep.
    const keeps = transport === 'tcp' && fresh !== true
    const options = { agent: this.#agents[keeps ? 'kept' : transport], host: peer.address, port: peer.port, authority, method, path, setHost: false, early }
    const outgoing = request(options)
    outgoing.shouldKeepAlive = keeps
    outgoing.on('error', () => undefined) // heard by whoever waits; alone it must not end the process
    breakOffAt(signal, outgoing)
    for (const [name, values] of fields) outgoing.setHeader(name, values.length === 1 ? values[0] ?? '' : values)
    return new Promise((resolve, reject) => {
      outgoing.once('error', reject)
      outgoing.once('socket', socket => {
        outgoing.off('error', reject)
        const used = this.#used.get(socket) ?? { tookMs: 0, requests: 0 }
        used.requests++
        resolve({ request: outgoing, connect: { transport, encrypted: transport === 'rudp' && this.#encrypts, peer: formatEndpoint(peer), tookMs: used.requests === 1 ? used.tookMs : 0, requests: used.requests } })
      })
    })
  }

  #agent(transport: Transport, options: AgentOptions): Agent {
    const createConnection = (server: Server & { early: boolean }, connected: (error: Error | null, stream?: Duplex) => void) => {
      this.dial(transport, { address: server.host, port: server.port }, server.authority, server.early).then(stream => {
        if (stream instanceof RudpSocket) stream.lendsPieces = true
        connected(null, stream)
      }, connected)
    }
    // Under another name the same endpoint is another server: what is kept for the one is not used for the other.
    const getName = ({ authority, host, port }: Server) => `${authority} ${host}:${port}`
    // Assigned and not overridden: the oldest Node that this is checked against does not declare the methods, though it has them.
    return Object.assign(new Agent(options), { createConnection, getName })
  }
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

/**
 * The head of the response; its body is still to be read.
 * @throws HamletError connection-lost, timed-out, or malformed-packet where the server does not speak HTTP
 */
export function responseTo({ request, connect }: OpenRequest, { clock }: Environment): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const cancel = clock.wakeAt(clock.nowMs() + ANSWER_MS_MAX, () => request.destroy(silent(connect)))
    request.once('error', (error: NodeJS.ErrnoException) => reject(error instanceof HamletError ? error : broken(connect, error)))
    request.once('close', () => {
      cancel()
      reject(broken(connect, new Error('closed')))
    })
    request.once('response', response => {
      cancel()
      resolve(response)
    })
  })
}

function silent({ peer }: ConnectMeasure): HamletError {
  return new HamletError({ code: 'timed-out', what: `${peer} gave no answer`, why: `it took the request and was silent for ${ANSWER_MS_MAX / 1000} s`, remedy: 'try again, or look at the server\'s log' })
}

function broken({ peer, transport }: ConnectMeasure, error: NodeJS.ErrnoException): HamletError {
  const proof = `${error.code ?? error.message} from ${peer} by ${transport.toUpperCase()}`
  if (error.code?.startsWith('HPE_') === true) {
    return new HamletError({ code: 'malformed-packet', what: `${peer} did not answer in HTTP`, why: error.message, remedy: 'check that the port is the one of the application server', proof }, { cause: error })
  }
  return new HamletError({ code: 'connection-lost', what: `${peer} ended the connection`, why: 'no answer had come yet', remedy: 'check that the server still runs, and try again', proof }, { cause: error })
}
