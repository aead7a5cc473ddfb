/** Fetches one page, with the same name resolution and connections as the gateway. Does not follow redirects. */
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
import { findOriginServer, type ResolveName } from './origin-server.ts'

export interface FetchOptions extends Environment {
  /** Chooses the DNS server; called only if the URL contains a name. */
  readonly choose?: () => Promise<DnsChoice>
  /** An existing resolver; takes precedence over `choose`. */
  readonly resolve?: ResolveName
  /** Encrypts RUDP. */
  readonly encryption?: KnownServers | undefined
  /** What encrypts it; node:crypto by default. */
  readonly cryptography?: Cryptography | undefined
  /** The lab that shows and conditions the RUDP connection. */
  readonly lab?: Lab | undefined
  /** Aborts the fetch. */
  readonly signal?: AbortSignal
  /** Returns the stream for the body. It must be done with a piece when it calls back. It is not ended. */
  readonly output: (status: number) => Writable
  /**
   * Gets the events of the RUDP connection as a qlog file, and when the log became full, if it did; called once, before
   * the fetch ends.
   */
  readonly onQlog?: (qlog: string, fullAtMs: number | undefined) => void
}

export interface Fetched {
  readonly status: number
  /** Length of the body. */
  readonly bytes: number
  readonly transport: Transport
  /** `192.168.1.10:80`. */
  readonly peer: string
  readonly tookMs: number
  readonly steps: readonly JourneyStep[]
}

/**
 * Gets `http://host[:port]/path` over TCP or `rudp://host[:port]/path` over RUDP. Any status from the server is a success.
 * @throws UsageError for another URL; HamletError name-unknown, connection-refused, connection-lost, timed-out …
 */
export async function fetchUrl(url: string, options: FetchOptions): Promise<Fetched> {
  const target = parseTarget(url)
  const transport = target.scheme === 'rudp' ? 'rudp' : 'tcp'
  const { clock, random, trace, encryption, cryptography, lab, signal = new AbortController().signal } = options
  const names = new LazyResolver(options)
  const qlog = new QlogTrace(url, 'initiator')
  const observe: Observe | undefined = options.onQlog === undefined ? undefined : (_connection, event, atMs) => qlog.add(event, atMs)
  const connections = new Connections({ clock, random, trace }, { observe, encryption, cryptography, lab })
  const startedAtMs = clock.nowMs()
  try {
    const server = await unlessAborted(signal, () => findOriginServer(target, transport, options.resolve ?? names.resolve, random))
    const name = { sentence: server.sentence, ...since(startedAtMs, clock) }
    const authority = formatAuthority(target)
    const fields = [['Host', [authority]], ['User-Agent', ['hamlet']], ['Accept', ['*/*']], ['Connection', ['close']]] as const
    const open = await connections.open(server.candidates, { transport, authority, method: 'GET', path: target.path, fields, hasBody: false, signal, fresh: true })
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

/** @returns the result of `work`; rejects as soon as `signal` aborts */
function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new HamletError({ code: 'connection-lost', what: 'The name was not looked up', why: 'the fetch was canceled', remedy: 'fetch it again' }))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort)
    void work().then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Chooses the DNS server on the first lookup. */
class LazyResolver {
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

  /** Does not wait: if the DNS server is still being chosen, that may take seconds. */
  close(): void {
    void this.#resolver?.then(resolver => resolver.close()).catch(() => undefined) // the caller of resolve() got the error
  }

  async #open(qname: string): Promise<Resolver> {
    const { choose, clock, random, trace } = this.#options
    const choice = await choose?.()
    if (choice === undefined) throw new HamletError({ code: 'upstream-unreachable', what: `${qname} could not be looked up`, why: 'no DNS server is known', remedy: 'give one with --dns IP' })
    this.sentence = choice.sentence
    return createResolver({ servers: [choice.server], clock, random, trace })
  }
}

/** Writes at the pace of the output. @returns the length of the body */
async function copyBody(response: IncomingMessage, output: Writable, peer: string): Promise<number> {
  let bytes = 0
  const onOutputError = (error: Error): void => void response.destroy(new HamletError({
    code: 'disk-failed', what: 'The body could not be written', why: error.message, remedy: 'write it to another file',
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
  if (!response.complete) throw new HamletError({ code: 'connection-lost', what: `The connection to ${peer} was lost`, why: `it ended after ${bytes} bytes of the body`, done: 'the part that arrived was written', remedy: 'try again' })
  return bytes
}
