/** `hamlet fetch`: one page, by the same names and connections as through the gateway. Follows no redirects. */
import type { IncomingMessage } from 'node:http'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { createResolver, type Resolver } from '../dns/resolver.ts'
import { HamletError } from '../kit/errors.ts'
import type { Clock } from '../kit/node/clock.ts'
import { freeBuffer } from '../kit/node/free-buffer.ts'
import type { Cryptography } from '../rudp/core/encryption/cryptography.ts'
import type { Observe } from '../rudp/core/endpoint.ts'
import { formatQlog, QlogTrace } from '../rudp/core/qlog.ts'
import type { KnownServers } from '../rudp/known-servers.ts'
import type { Lab } from '../rudp/lab.ts'
import { Connections, type Environment } from './connections.ts'
import type { Transport } from './contract.ts'
import { assembleJourney, type JourneyStep, type Timed } from './core/journey.ts'
import { formatAuthority, parseTarget } from './core/target.ts'
import type { DnsChoice } from './dns-server.ts'
import { findWay, type ResolveName } from './way.ts'

export interface FetchOptions extends Environment {
  /** Tells where names are asked; called only for an address that has a name in it. */
  readonly choose?: () => Promise<DnsChoice>
  /** Whoever answers names already; goes before `choose`. */
  readonly resolve?: ResolveName
  /** Encrypts what goes by RUDP. */
  readonly encryption?: KnownServers | undefined
  /** What encrypts it; node:crypto, if nothing else is said. */
  readonly cryptography?: Cryptography | undefined
  /** In which the RUDP connection stands. */
  readonly lab?: Lab | undefined
  /** Aborting it breaks the fetch off. */
  readonly signal?: AbortSignal
  /** Gives what gets the body of an answer as it comes, and is done with a piece when it has called back; it is not ended. */
  readonly output: (status: number) => Writable
  /** Gets what happened in the RUDP connection, as a qlog file, and when that was full, where it was; called once, before the fetch is over. */
  readonly onQlog?: (qlog: string, fullAtMs: number | undefined) => void
}

export interface Fetched {
  readonly status: number
  /** Of the body. */
  readonly bytes: number
  readonly transport: Transport
  /** `192.168.1.10:80`. */
  readonly peer: string
  readonly tookMs: number
  readonly steps: readonly JourneyStep[]
}

/**
 * Gets `http://host[:port]/path` over TCP or `rudp://host[:port]/path` over RUDP. Any status of the server is an answer.
 * @throws UsageError for another address; HamletError name-unknown, connection-refused, connection-lost, timed-out …
 */
export async function fetchUrl(url: string, options: FetchOptions): Promise<Fetched> {
  const target = parseTarget(url)
  const transport = target.scheme === 'rudp' ? 'rudp' : 'tcp'
  const { clock, random, trace, encryption, cryptography, lab, signal = new AbortController().signal } = options
  const names = new Names(options)
  const qlog = new QlogTrace(url, 'initiator')
  const observe: Observe | undefined = options.onQlog === undefined ? undefined : (_connection, event, atMs) => qlog.add(event, atMs)
  const connections = new Connections({ clock, random, trace }, { observe, encryption, cryptography, lab })
  const startedAtMs = clock.nowMs()
  try {
    const way = await unlessAborted(signal, () => findWay(target, transport, options.resolve ?? names.resolve, random))
    const name = { sentence: way.sentence, ...since(startedAtMs, clock) }
    const authority = formatAuthority(target)
    const fields = [['Host', [authority]], ['User-Agent', ['hamlet']], ['Accept', ['*/*']], ['Connection', ['close']]] as const
    const open = await connections.open(way.candidates, { transport, authority, method: 'GET', path: target.path, fields, hasBody: false, signal, fresh: true })
    const sentAtMs = clock.nowMs()
    const response = await open.response
    const status = response.statusCode ?? 0
    const bytes = await copyBody(response, options.output(status), open.connect.peer)
    const page = { status, bytes, ...since(sentAtMs, clock), complete: true }
    const steps = assembleJourney({ address: { sentence: names.sentence, tookMs: 0, fromMs: startedAtMs, toMs: startedAtMs }, name, connect: open.connect, page, failure: undefined })
    return { status, bytes, transport, peer: open.connect.peer, tookMs: clock.nowMs() - startedAtMs, steps }
  } finally {
    await connections.close()
    options.onQlog?.(formatQlog([qlog]), qlog.fullAtMs)
    names.close()
  }
}

function since(fromMs: number, clock: Clock): Timed {
  const toMs = clock.nowMs()
  return { tookMs: toMs - fromMs, fromMs, toMs }
}

/** @returns what `work` gives; where `signal` aborts it rejects, and waits for it no longer */
function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new HamletError({ code: 'connection-lost', what: 'The name was not looked up', why: 'the fetch was broken off', remedy: 'fetch it again' }))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort)
    void work().then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Asks the DNS server, once it is needed. */
class Names {
  sentence = 'No DNS server was asked'
  readonly #options: FetchOptions
  #resolver: Promise<Resolver> | undefined

  constructor(options: FetchOptions) {
    this.#options = options
  }

  readonly resolve: ResolveName = async (qname, qtype) => {
    this.#resolver ??= this.#open(qname)
    return (await this.#resolver).resolve(qname, qtype)
  }

  /** Waits for nothing: where the DNS server is still being chosen, that may take seconds. */
  close(): void {
    void this.#resolver?.then(resolver => resolver.close()).catch(() => undefined) // whoever asked has heard of it
  }

  async #open(qname: string): Promise<Resolver> {
    const { choose, clock, random, trace } = this.#options
    const choice = await choose?.()
    if (choice === undefined) throw new HamletError({ code: 'upstream-unreachable', what: `${qname} could not be looked up`, why: 'no DNS server is known', remedy: 'name one with --dns IP' })
    this.sentence = choice.sentence
    return createResolver({ servers: [choice.server], clock, random, trace })
  }
}

/** Writes as fast as the output takes it. @returns bytes of the body */
async function copyBody(response: IncomingMessage, output: Writable, peer: string): Promise<number> {
  let bytes = 0
  const onOutputError = (error: Error): void => void response.destroy(new HamletError({
    code: 'disk-failed', what: 'The body could not be written', why: error.message, remedy: 'write it elsewhere',
  }, { cause: error }))
  output.once('error', onOutputError)
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (output.write(chunk, () => freeBuffer(chunk))) return
    response.pause()
    output.once('drain', () => response.resume())
  })
  try {
    await finished(response)
  } catch (error) {
    if (error instanceof HamletError || response.complete) throw error
  } finally {
    output.off('error', onOutputError)
  }
  if (!response.complete) throw new HamletError({ code: 'connection-lost', what: `The connection to ${peer} was lost`, why: `it ended after ${bytes} bytes of the body`, done: 'what had come was written', remedy: 'try again' })
  return bytes
}
