/**
 * DNS over HTTPS to an upstream (RFC 8484): each query is a POST on one HTTP/2 session. Its body is the message with id 0, so
 * that equal queries make equal requests.
 */
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { formatEndpoint, type Path } from '../../kit/endpoint.ts'
import { isIpAddress } from '../../kit/ip-address.ts'
import { connectSecureStream } from '../../kit/node/streams.ts'
import type { UpstreamQuery } from '../core/forwarding/flight.ts'
import type { Upstream } from '../core/forwarding/upstream.ts'
import { CONNECT_MS_MAX, type Dial, type Session, type SessionListener } from './connections.ts'
import { whyRefused, withId, type UpstreamDoorOptions } from './door.ts'

const IDLE_MS_MAX = 30_000
const MESSAGE_BYTES_MAX = 65_535
const MEDIA_TYPE = 'application/dns-message'

/** @param authorities PEM certificates trusted in addition to the default ones */
export function dialHttps(upstream: Upstream, authorities: readonly string[], options: UpstreamDoorOptions): Dial {
  const { endpoint, serverName } = upstream
  return async listener => new HttpsSession(await connectSecureStream(endpoint, CONNECT_MS_MAX, { serverName, authorities, protocols: ['h2'] }), upstream, options, listener)
}

class HttpsSession implements Session {
  readonly #http: ClientHttp2Session
  readonly #path: Path
  readonly #upstream: Upstream
  readonly #options: UpstreamDoorOptions
  readonly #listener: SessionListener
  readonly #requests = new Map<UpstreamQuery, ClientHttp2Stream>()

  constructor(socket: TLSSocket, upstream: Upstream, options: UpstreamDoorOptions, listener: SessionListener) {
    this.#path = { local: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 }, interfaceName: '', peer: upstream.endpoint }
    this.#upstream = upstream
    this.#options = options
    this.#listener = listener
    const http = connect(`https://${authorityOf(upstream)}`, { createConnection: () => socket })
    this.#http = http
    let why = 'ends the session without an answer'
    http.setTimeout(IDLE_MS_MAX, () => http.destroy())
    http.on('error', error => { why = whyRefused(error) })
    http.on('goaway', () => listener.retired())
    http.on('close', () => listener.ended(why))
  }

  ask(query: UpstreamQuery): void {
    if (this.#http.destroyed) return // Older versions of Node.js would throw. `ended` follows, and the query is retried on another session.
    const { trace, clock } = this.#options
    const message = withId(query.message, 0)
    const request = this.#http.request({ ':method': 'POST', ':path': this.#upstream.path, 'content-type': MEDIA_TYPE, 'accept': MEDIA_TYPE, 'content-length': message.length })
    this.#requests.set(query, request)
    this.#listen(request, query)
    trace.packet('out', 'dns', this.#path, message, clock.nowMs())
    request.end(message)
  }

  forget(query: UpstreamQuery): void {
    this.#requests.get(query)?.close(constants.NGHTTP2_CANCEL)
    this.#requests.delete(query)
  }

  destroy(): void {
    this.#http.destroy()
  }

  #listen(request: ClientHttp2Stream, query: UpstreamQuery): void {
    const chunks: Buffer[] = []
    let bytes = 0
    let trouble: string | undefined
    request.on('response', headers => {
      this.#listener.active()
      trouble = troubleIn(headers)
    })
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= MESSAGE_BYTES_MAX) chunks.push(chunk)
      else trouble = 'sent more than a DNS message can hold'
    })
    request.on('error', () => undefined) // 'close' follows.
    request.on('close', () => {
      if (this.#http.destroyed && bytes === 0) return // The end of the session is reported instead.
      if (request.rstCode !== constants.NGHTTP2_NO_ERROR || bytes === 0) trouble ??= 'ends the request without an answer'
      if (trouble === undefined) this.#receive(Buffer.concat(chunks), query)
      else this.#listener.refused(query, trouble)
      this.#listener.drain()
    })
  }

  #receive(reply: Uint8Array, query: UpstreamQuery): void {
    const { trace, clock } = this.#options
    trace.packet('in', 'dns', this.#path, reply, clock.nowMs())
    this.#listener.received(query, reply)
  }
}

/** The :authority of the requests. */
function authorityOf({ endpoint, serverName }: Upstream): string {
  const host = isIpAddress(serverName) ? formatEndpoint({ address: serverName, port: endpoint.port }) : `${serverName}:${endpoint.port}`
  return endpoint.port === 443 ? host.replace(/:443$/, '') : host
}

/** Why the body is not a DNS message, as the rest of a sentence; undefined if it is one (RFC 8484 §4.2). */
function troubleIn(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): string | undefined {
  const status = headers[':status'] ?? 0
  if (status !== 200) return `answers with HTTP status ${status}`
  return headers['content-type']?.split(';')[0]?.trim().toLowerCase() === MEDIA_TYPE ? undefined : 'sent something that is not a DNS message'
}
