/**
 * DNS over HTTPS to one upstream (RFC 8484): each question is a POST on one HTTP/2 session, its body the message with id 0, so
 * that equal questions are equal requests. The session is opened for the first question and again when the server ends it.
 */
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2'
import { formatEndpoint, type Path } from '../../kit/endpoint.ts'
import { isIpAddress } from '../../kit/ip-address.ts'
import { connectSecureStream } from '../../kit/node/streams.ts'
import type { Asking } from '../core/forwarding/flight.ts'
import type { Upstream } from '../core/forwarding/upstream.ts'
import { idOf, Silence, whyRefused, withId, type UpstreamDoor, type UpstreamDoorOptions } from './door.ts'

const CONNECT_MS_MAX = 2000
const IDLE_MS_MAX = 30_000
const MESSAGE_BYTES_MAX = 65_535
const MEDIA_TYPE = 'application/dns-message'

interface Session {
  /** Undefined while it is being opened. */
  open: { readonly http: ClientHttp2Session; readonly path: Path } | undefined
  /** Its request is undefined until the session is open. */
  readonly pending: Map<Asking, ClientHttp2Stream | undefined>
  /** A server that answered and then ended the session did not mean this question. */
  answered: boolean
  readonly silence: Silence
}

export class Https implements UpstreamDoor {
  readonly #upstream: Upstream
  /** PEM certificates that are trusted beside the usual ones. */
  readonly #authorities: readonly string[]
  readonly #options: UpstreamDoorOptions
  readonly #sessionOf = new Map<Asking, Session>()
  readonly #askedTwice = new WeakSet<Asking>()
  #session: Session | undefined
  #closed = false

  constructor(upstream: Upstream, authorities: readonly string[], options: UpstreamDoorOptions) {
    this.#upstream = upstream
    this.#authorities = authorities
    this.#options = options
  }

  ask(asking: Asking): void {
    const nowMs = this.#options.clock.nowMs()
    if (this.#session?.silence.isTooLong(nowMs) === true) this.#leave(this.#session)
    const session = this.#session ??= this.#dial()
    session.silence.asked(nowMs)
    session.pending.set(asking, undefined)
    this.#sessionOf.set(asking, session)
    this.#request(session, asking)
  }

  flush(): void {
    // Written at once: the session gathers what it can.
  }

  forget(asking: Asking): void {
    const session = this.#sessionOf.get(asking)
    this.#sessionOf.delete(asking)
    session?.pending.get(asking)?.close(constants.NGHTTP2_CANCEL)
    session?.pending.delete(asking)
  }

  close(): Promise<void> {
    this.#closed = true
    this.#session?.open?.http.destroy()
    return Promise.resolve()
  }

  /** The next question gets another session; what this one owes is settled when it is closed. */
  #leave(session: Session): void {
    this.#session = undefined
    session.open?.http.destroy()
  }

  /** Whom the requests are for. */
  get #authority(): string {
    const { endpoint, serverName } = this.#upstream
    const host = isIpAddress(serverName) ? formatEndpoint({ address: serverName, port: endpoint.port }) : `${serverName}:${endpoint.port}`
    return endpoint.port === 443 ? host.replace(/:443$/, '') : host
  }

  #dial(): Session {
    const { endpoint, serverName } = this.#upstream
    const session: Session = { open: undefined, pending: new Map(), answered: false, silence: new Silence() }
    connectSecureStream(endpoint, CONNECT_MS_MAX, { serverName, authorities: this.#authorities, protocols: ['h2'] }).then(socket => {
      if (this.#closed) return void socket.destroy()
      const path: Path = { local: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 }, interfaceName: '', peer: endpoint }
      const http = connect(`https://${this.#authority}`, { createConnection: () => socket })
      let why = 'ends the session without an answer'
      session.open = { http, path }
      http.setTimeout(IDLE_MS_MAX, () => http.destroy())
      http.on('error', error => { why = whyRefused(error) })
      http.on('goaway', () => { if (this.#session === session) this.#session = undefined })
      http.on('close', () => this.#ended(session, why))
      for (const asking of session.pending.keys()) this.#request(session, asking)
    }, (error: unknown) => this.#ended(session, whyRefused(error)))
    return session
  }

  #request(session: Session, asking: Asking): void {
    if (session.open === undefined) return
    const { http, path } = session.open
    const { trace, clock } = this.#options
    const message = withId(asking.query, 0)
    const request = http.request({ ':method': 'POST', ':path': this.#upstream.path, 'content-type': MEDIA_TYPE, 'accept': MEDIA_TYPE, 'content-length': message.length })
    session.pending.set(asking, request)
    const chunks: Buffer[] = []
    let bytes = 0
    let trouble: string | undefined
    request.on('response', headers => {
      session.silence.heard()
      trouble = troubleIn(headers)
    })
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= MESSAGE_BYTES_MAX) chunks.push(chunk)
      else trouble = 'answers with more than a message can be'
    })
    request.on('error', () => undefined) // 'close' comes after it.
    request.on('close', () => {
      if (session.pending.get(asking) !== request) return // Forgotten, or asked anew.
      if (request.rstCode !== constants.NGHTTP2_NO_ERROR || bytes === 0) trouble ??= 'ends the request without an answer'
      if (http.destroyed && bytes === 0) return // The session's own end tells.
      session.answered = true
      const reply = Buffer.concat(chunks)
      if (trouble === undefined) {
        trace.packet('in', 'dns', path, reply, clock.nowMs())
        this.#options.receive(withId(reply, idOf(asking.query)), asking)
      } else this.#options.refused(asking, trouble)
      this.#options.drain()
    })
    trace.packet('out', 'dns', path, message, clock.nowMs())
    request.end(message)
  }

  #ended(session: Session, why: string): void {
    if (this.#session === session) this.#session = undefined
    if (this.#closed) return
    for (const asking of [...session.pending.keys()]) {
      if (session.answered && !this.#askedTwice.has(asking)) {
        this.#askedTwice.add(asking)
        session.pending.delete(asking)
        this.ask(asking)
      } else this.#options.refused(asking, why)
    }
    this.#options.drain()
  }
}

/** The end of a sentence; undefined where the body is a DNS message (RFC 8484 §4.2). */
function troubleIn(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): string | undefined {
  const status = headers[':status'] ?? 0
  if (status !== 200) return `answers with HTTP status ${status}`
  return headers['content-type']?.split(';')[0]?.trim().toLowerCase() === MEDIA_TYPE ? undefined : 'answers with something that is no DNS message'
}
