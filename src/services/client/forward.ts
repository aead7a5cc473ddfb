/** One request through the gateway, from the browser to the server and back, timed step by step. Both bodies are streamed. */
import type { IncomingMessage, InformationEvent, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream'
import { promisify } from 'node:util'
import { HamletError, partsOf } from '../kit/errors.ts'
import { PROBE_HEADER } from '../kit/probe-header.ts'
import { writeInterim } from '../kit/node/half-open-http.ts'
import { hasBody } from '../kit/request-body.ts'
import type { Connections, Environment, OpenRequest } from './connections.ts'
import { TRANSPORT_HEADER, TRANSPORTS, type Transport } from './contract.ts'
import { loadsDocument, requestFields, responseFields, valuesOf, type HeaderField } from './core/headers.ts'
import { assembleJourney, type JourneyStep, type Measures, type Timed } from './core/journey.ts'
import { decrementMaxForwards } from './core/max-forwards.ts'
import { formatAuthority, type Target } from './core/target.ts'
import { findOriginServer, type ResolveName, type OriginServer } from './origin-server.ts'

/** A completed request, successful or not. */
export interface Forwarded {
  readonly method: string
  readonly url: string
  readonly transport: Transport
  /** Status of the response; 502 if there was none. */
  readonly status: number
  readonly bytes: number
  readonly tookMs: number
  /** What went wrong, in one sentence. */
  readonly failure: string | undefined
  /** The request loaded a top-level page. */
  readonly isDocument: boolean
  /** It was a health probe of a lamp. */
  readonly isProbe: boolean
  readonly steps: readonly JourneyStep[]
}

export interface Gateway extends Environment {
  readonly connections: Connections
  readonly resolve: ResolveName
  /** Called when a cached name turned out to be wrong. */
  forgetNames(): void
  /** How this machine got its address. */
  addressStep(): Measures['address']
  /** The value of the probe header that marks our own probes. */
  readonly probeToken: string
  /** Called when a request has ended. */
  done(forwarded: Forwarded): void
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
/** What was measured so far; `lap` returns the time since its last call. */
interface Progress {
  readonly measures: Mutable<Omit<Measures, 'address'>>
  readonly lap: () => Timed
}

const pipe = promisify(pipeline)

/**
 * Forwards one request.
 * @throws HamletError if there was no response, or the response failed halfway
 */
export async function forward(gateway: Gateway, target: Target, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const startedAtMs = gateway.clock.nowMs()
  const transport = transportOf(target, incoming)
  const progress: Progress = { measures: { name: undefined, connect: undefined, page: undefined, failure: undefined }, lap: stopwatch(gateway) }
  const { measures } = progress
  const gone = new AbortController()
  let response: IncomingMessage | undefined
  outgoing.once('close', () => { if (response === undefined || !outgoing.writableFinished) gone.abort() })
  try {
    response = await fetchHead(gateway, target, transport, incoming, outgoing, gone.signal, progress)
    if (!incoming.complete && wantsNoMore(response)) {
      incoming.unpipe()
      incoming.resume() // a browser may read nothing until it has sent everything
      outgoing.shouldKeepAlive = false
    }
    await relay(response, outgoing, progress)
  } catch (error) {
    const failure = gone.signal.aborted ? STOPPED : error
    measures.failure = { sentence: partsOf(failure).what, ...progress.lap() }
    throw failure
  } finally {
    gateway.done({
      method: incoming.method ?? 'GET', url: `${target.scheme}://${formatAuthority(target)}${target.path === '*' ? '' : target.path}`, transport,
      status: measures.page?.status ?? 502, bytes: measures.page?.bytes ?? 0, tookMs: gateway.clock.nowMs() - startedAtMs,
      failure: measures.failure?.sentence, isDocument: loadsDocument(incoming.rawHeaders), isProbe: isProbe(gateway, incoming),
      steps: assembleJourney({ address: gateway.addressStep(), ...measures }),
    })
  }
}

const STOPPED = new HamletError({ code: 'connection-lost', what: 'The browser canceled the load', why: 'it closed its connection to the proxy', remedy: 'load the page again' })

function transportOf({ scheme }: Target, { rawHeaders }: IncomingMessage): Transport {
  if (scheme === 'rudp') return 'rudp'
  const named = valuesOf(rawHeaders, TRANSPORT_HEADER)[0]
  return TRANSPORTS.find(transport => transport === named) ?? 'tcp'
}

function stopwatch({ clock }: Environment): () => Timed {
  let toMs = clock.nowMs()
  return () => {
    const fromMs = toMs
    toMs = clock.nowMs()
    return { tookMs: toMs - fromMs, fromMs, toMs }
  }
}

/** Finds the server, sends the request and waits for the head of the response. */
async function fetchHead(
  gateway: Gateway, target: Target, transport: Transport, incoming: IncomingMessage, outgoing: ServerResponse, signal: AbortSignal, { measures, lap }: Progress,
): Promise<IncomingMessage> {
  const { connections } = gateway
  const lookUp = async (): Promise<OriginServer> => {
    const found = await findOriginServer(target, transport, gateway.resolve, gateway.random)
    const { tookMs, fromMs, toMs } = lap()
    const before = measures.name ?? { tookMs: 0, fromMs }
    measures.name = { sentence: found.sentence, tookMs: before.tookMs + tookMs, fromMs: before.fromMs, toMs }
    return found
  }
  let server = await lookUp()

  const authority = formatAuthority(target)
  const method = incoming.method ?? 'GET'
  const forwarded = decrementMaxForwards(method, requestFields(incoming.rawHeaders, incoming.httpVersion, authority))
  const fields: readonly HeaderField[] = isProbe(gateway, incoming) ? [...forwarded, [PROBE_HEADER, ['1']]] : forwarded
  const onInterim = (interim: InformationEvent): void => relayInterim(interim, outgoing)
  const head = { transport, authority, method, path: target.path, fields, hasBody: hasBody(incoming), signal, onInterim }
  const send = ({ connect, request, response }: OpenRequest): Promise<IncomingMessage> => {
    lap()
    measures.connect = connect
    if (head.hasBody) {
      incoming.pipe(request)
      // If head and first bytes arrived together, send them together; but do not hold back a head whose browser waits
      // for 100 Continue.
      setImmediate(() => { if (!request.headersSent) request.flushHeaders() })
    }
    return response
  }
  const open = await connections.open(server.candidates, head).catch(async (error: unknown) => {
    if (!server.cached || signal.aborted) throw error
    // The server may have restarted on another port.
    gateway.forgetNames()
    server = await lookUp()
    return connections.open(server.candidates, head)
  })
  try {
    return await send(open)
  } catch (error) {
    // A kept connection may have been closed while idle; a safe request may be repeated (RFC 9110 §9.2.2).
    const mayRepeat = open.connect.requests > 1 && !head.hasBody && ['GET', 'HEAD'].includes(head.method) && !signal.aborted
    if (!mayRepeat || partsOf(error).code !== 'connection-lost') throw error
    return send(await connections.open(server.candidates, { ...head, fresh: true }))
  }
}

const isProbe = ({ probeToken }: Gateway, { rawHeaders }: IncomingMessage) => valuesOf(rawHeaders, PROBE_HEADER)[0] === probeToken

/** RFC 9112 §9.5: the rest of a body is not sent to a server that has refused it and closes the connection. */
function wantsNoMore({ statusCode = 0, rawHeaders }: IncomingMessage): boolean {
  return statusCode >= 400 && valuesOf(rawHeaders, 'connection').some(value => /(^|,)\s*close\s*(,|$)/i.test(value))
}

/**
 * RFC 9110 §15.2: an interim response is forwarded, except to HTTP/1.0, which has none. If the browser does not read,
 * it is dropped: a server may send them without end.
 */
function relayInterim({ statusCode, statusMessage, httpVersion, rawHeaders }: InformationEvent, outgoing: ServerResponse): void {
  if (outgoing.req.httpVersion === '1.0' || outgoing.writableLength >= outgoing.writableHighWaterMark) return
  // Through node:http, which otherwise thinks that it was never sent, and closes the connection after the response.
  if (statusCode === 100) return writeInterim(outgoing, () => outgoing.writeContinue())
  const lines = responseFields(rawHeaders, httpVersion, statusCode).flatMap(([name, values]) => values.map(value => `${name}: ${value}\r\n`))
  writeInterim(outgoing, () => outgoing.socket?.write(`HTTP/1.1 ${statusCode} ${statusMessage}\r\n${lines.join('')}\r\n`, 'latin1'))
}

async function relay(response: IncomingMessage, outgoing: ServerResponse, { measures, lap }: Progress): Promise<void> {
  const status = response.statusCode ?? 502
  let bytes = 0
  response.on('data', (chunk: Buffer) => { bytes += chunk.length })
  outgoing.statusCode = status
  outgoing.statusMessage = response.statusMessage ?? ''
  for (const [name, values] of responseFields(response.rawHeaders, response.httpVersion, status)) outgoing.setHeader(name, values.length === 1 ? values[0] ?? '' : values)
  // If head and first bytes arrived together, send them together; but do not hold back a head that came alone (an event
  // stream).
  setImmediate(() => { if (!outgoing.headersSent && !outgoing.destroyed) outgoing.flushHeaders() })
  try {
    await pipe(response, outgoing)
  } catch (error) {
    throw new HamletError({ code: 'connection-lost', what: 'The connection was lost before the end of the page', why: `it was closed after ${bytes} bytes`, remedy: 'load the page again' }, { cause: error })
  } finally {
    measures.page = { status, bytes, ...lap(), complete: outgoing.writableFinished && response.complete }
  }
}
