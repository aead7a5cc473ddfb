/** For tests over real sockets: running application servers, and clients over either transport. */
import { mkdtemp, rm } from 'node:fs/promises'
import { request, type IncomingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Endpoint } from '../../kit/endpoint.ts'
import { systemClock } from '../../kit/node/clock.ts'
import { secureRandom } from '../../kit/node/random.ts'
import { implement, startService, type StartedService } from '../../kit/node/service.ts'
import { connectStream } from '../../kit/node/streams.ts'
import { TraceRing } from '../../kit/trace.ts'
import { connectRudp } from '../../rudp/testing/connect-rudp.ts'
import { appServer } from '../contract.ts'
import { LIMITS, type Limits } from '../limits.ts'
import { startAppServer } from '../service.ts'

const assetsFolder = fileURLToPath(new URL('../../../../assets', import.meta.url))

/** What a server has reported. */
interface Heard { readonly lines: string[]; readonly logged: string[]; readonly events: { name: string; data: unknown }[]; readonly rows: Map<string, Readonly<Record<string, string>>> }

interface Reply { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }

interface Asked { readonly method?: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }

export async function serve(settings: Readonly<Record<string, unknown>>, dataFolder: string, limits: Partial<Limits> = {}): Promise<{ service: StartedService; heard: Heard }> {
  const heard: Heard = { lines: [], logged: [], events: [], rows: new Map() }
  const service = await startService(
    implement(appServer, context => startAppServer(context, { ...LIMITS, ...limits })), { tcp_port: 0, udp_port: 0, ...settings }, { dataFolder, assetsFolder, secrets: {} },
    {
      contractLine: text => heard.lines.push(text),
      log: text => heard.logged.push(text),
      event: (name, data) => heard.events.push({ name, data }),
      row: (key, row) => { if (row === undefined) heard.rows.delete(key); else heard.rows.set(key, row) },
      health: () => undefined, endpoints: () => undefined,
      failed: error => { throw error },
    })
  return { service, heard }
}

export const TRANSPORTS = [
  { transport: 'tcp', endpoint: 'http', dial: (peer: Endpoint): Promise<Duplex> => connectStream(peer, 5000) },
  { transport: 'rudp', endpoint: 'rudp', dial: (peer: Endpoint): Promise<Duplex> => connectRudp(peer, { clock: systemClock, random: secureRandom(), trace: new TraceRing(16_384) }) },
]

/** Servers in a temporary folder, and a client that uses one transport. */
export class Servers {
  folder = ''
  readonly dial: (peer: Endpoint) => Promise<Duplex>
  readonly #endpoint: string
  readonly #running: StartedService[] = []

  constructor({ endpoint, dial }: (typeof TRANSPORTS)[number]) {
    this.dial = dial
    this.#endpoint = endpoint
  }

  async open(): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), 'hamlet-site-'))
  }

  close(): Promise<void> {
    return rm(this.folder, { recursive: true })
  }

  async stop(): Promise<void> {
    for (const service of this.#running.splice(0)) await service.stop()
  }

  /** Starts a server that stop() stops. */
  async start(settings: Readonly<Record<string, unknown>> = {}, limits: Partial<Limits> = {}, dataFolder?: string): Promise<{ service: StartedService; heard: Heard; peer: Endpoint }> {
    const started = await serve(settings, dataFolder ?? await mkdtemp(join(this.folder, 'data-')), limits)
    this.#running.push(started.service)
    return { ...started, peer: this.endpointOf(started.service) }
  }

  endpointOf(service: StartedService): Endpoint {
    const found = service.endpoints.find(({ name }) => name === this.#endpoint)
    if (found === undefined) throw new Error(`the service has no endpoint ${this.#endpoint}`)
    return found
  }

  /** Sends one request on its own connection. */
  async ask(peer: Endpoint, path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Reply> {
    const socket = await this.dial(peer)
    return new Promise((resolve, reject) => {
      const outgoing = request({ path, method, headers: { host: 'my-app.home', ...headers }, createConnection: () => socket }, incoming => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.once('error', reject)
        incoming.once('end', () => {
          socket.destroy()
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) })
        })
      })
      outgoing.once('error', reject)
      outgoing.end(body)
    })
  }

  /** Sends raw bytes, and reads what comes back until the server closes. */
  async sendRaw(peer: Endpoint, bytes: string): Promise<string> {
    const socket = await this.dial(peer)
    socket.write(bytes)
    return untilClosed(socket)
  }

  /** Signs the guestbook as its form does. */
  sign(peer: Endpoint, fields: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    return this.ask(peer, '/guestbook', { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers }, body: new URLSearchParams(fields).toString() })
  }
}

/** Everything that arrives until the connection closes. A reset after the response counts as a close. */
export function untilClosed(socket: Duplex): Promise<string> {
  let heard = ''
  socket.on('data', (chunk: Buffer) => { heard += chunk.toString('latin1') })
  socket.on('error', () => undefined)
  socket.once('end', () => socket.end())
  return new Promise(resolve => socket.once('close', () => resolve(heard)))
}
