/** One request through the gateway: from the browser to the server and back, measured on the way. Both bodies are streamed. */
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
import { withOneHopLess } from './core/max-forwards.ts'
import { formatAuthority, type Target } from './core/target.ts'
import { findWay, type ResolveName, type Way } from './way.ts'

/** One request that is over, whatever became of it. */
export interface Forwarded {
  readonly method: string
  readonly url: string
  readonly transport: Transport
  /** Of the response; 502 where none came. */
  readonly status: number
  readonly bytes: number
  readonly tookMs: number
  /** What went wrong, as a sentence. */
  readonly failure: string | undefined
  /** The request loaded a page of its own. */
  readonly isDocument: boolean
  /** It was asked for a lamp's sake. */
  readonly isProbe: boolean
  readonly steps: readonly JourneyStep[]
}

export interface Gateway extends Environment {
  readonly connections: Connections
  readonly resolve: ResolveName
  /** What was remembered of names turned out to be wrong. */
  forgetNames(): void
  /** How this machine came to its address. */
  addressStep(): Measures['address']
  /** What a request says in the probe header that is our own. */
  readonly probeToken: string
  /** A request is over. */
  done(forwarded: Forwarded): void
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
/** What is known so far; `lap` gives the time since it was last asked. */
interface Progress {
  readonly measures: Mutable<Omit<Measures, 'address'>>
  readonly lap: () => Timed
}

const pipe = promisify(pipeline)

/**
 * Forwards one request.
 * @throws HamletError where no answer came; where it had begun, the browser's transfer is broken off
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
      incoming.resume() // a browser may listen only when it has sent everything
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

const STOPPED = new HamletError({ code: 'connection-lost', what: 'The browser stopped the load', why: 'it closed its connection to the proxy', remedy: 'load the page again' })

function transportOf({ scheme }: Target, { rawHeaders }: IncomingMessage): Transport {
  if (scheme === 'rudp') return 'rudp'
  const asked = valuesOf(rawHeaders, TRANSPORT_HEADER)[0]
  return TRANSPORTS.find(transport => transport === asked) ?? 'tcp'
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
  const lookUp = async (): Promise<Way> => {
    const way = await findWay(target, transport, gateway.resolve, gateway.random)
    const { tookMs, fromMs, toMs } = lap()
    const before = measures.name ?? { tookMs: 0, fromMs }
    measures.name = { sentence: way.sentence, tookMs: before.tookMs + tookMs, fromMs: before.fromMs, toMs }
    return way
  }
  let way = await lookUp()

  const authority = formatAuthority(target)
  const method = incoming.method ?? 'GET'
  const handedOn = withOneHopLess(method, requestFields(incoming.rawHeaders, incoming.httpVersion, authority))
  const fields: readonly HeaderField[] = isProbe(gateway, incoming) ? [...handedOn, [PROBE_HEADER, ['1']]] : handedOn
  const onInterim = (interim: InformationEvent): void => relayInterim(interim, outgoing)
  const head = { transport, authority, method, path: target.path, fields, hasBody: hasBody(incoming), signal, onInterim }
  const send = ({ connect, request, response }: OpenRequest): Promise<IncomingMessage> => {
    lap()
    measures.connect = connect
    if (head.hasBody) {
      incoming.pipe(request)
      // Head and first bytes leave together where they came together; a head behind which the browser waits for Continue does not wait.
      setImmediate(() => { if (!request.headersSent) request.flushHeaders() })
    }
    return response
  }
  const open = await connections.open(way.candidates, head).catch(async (error: unknown) => {
    if (!way.remembered || signal.aborted) throw error
    // A server that was started again may have another port by now.
    gateway.forgetNames()
    way = await lookUp()
    return connections.open(way.candidates, head)
  })
  try {
    return await send(open)
  } catch (error) {
    // A kept connection may have ended while it was idle; what changes nothing on the server may be asked once more (RFC 9110 §9.2.2).
    const mayRepeat = open.connect.requests > 1 && !head.hasBody && ['GET', 'HEAD'].includes(head.method) && !signal.aborted
    if (!mayRepeat || partsOf(error).code !== 'connection-lost') throw error
    return send(await connections.open(way.candidates, { ...head, fresh: true }))
  }
}

const isProbe = ({ probeToken }: Gateway, { rawHeaders }: IncomingMessage) => valuesOf(rawHeaders, PROBE_HEADER)[0] === probeToken

/** RFC 9112 §9.5: the rest of a body is not sent to a server that has refused it, and ends the connection. */
function wantsNoMore({ statusCode = 0, rawHeaders }: IncomingMessage): boolean {
  return statusCode >= 400 && valuesOf(rawHeaders, 'connection').some(value => /(^|,)\s*close\s*(,|$)/i.test(value))
}

/**
 * RFC 9110 §15.2: an interim response is handed on, but to HTTP/1.0, which knows none. One for a browser that takes nothing is passed
 * over: a server may send them without end.
 */
function relayInterim({ statusCode, statusMessage, httpVersion, rawHeaders }: InformationEvent, outgoing: ServerResponse): void {
  if (outgoing.req.httpVersion === '1.0' || outgoing.writableLength >= outgoing.writableHighWaterMark) return
  // By node:http, which else takes it for untold and ends the connection behind the answer.
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
  // Head and first bytes leave together where they came together; a head that comes alone (a stream of events) does not wait.
  setImmediate(() => { if (!outgoing.headersSent && !outgoing.destroyed) outgoing.flushHeaders() })
  try {
    await pipe(response, outgoing)
  } catch (error) {
    throw new HamletError({ code: 'connection-lost', what: 'The connection was lost before the end of the page', why: `it ended after ${bytes} bytes`, remedy: 'load the page again' }, { cause: error })
  } finally {
    measures.page = { status, bytes, ...lap(), complete: outgoing.writableFinished && response.complete }
  }
}
