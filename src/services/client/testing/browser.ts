/** For tests: a gateway whose output is recorded, and a browser's side of its proxy. */
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request, type IncomingHttpHeaders } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startService, type Implementation, type StartedService } from '../../kit/node/service.ts'
import type { Contract } from '../../kit/contract.ts'
import { basicAuthorization, type Credentials } from '../credentials.ts'

/** A service in this process, with what it reported. */
export interface Heard {
  readonly service: StartedService
  readonly events: { readonly name: string; readonly data: unknown }[]
  readonly rows: Map<string, Readonly<Record<string, string>>>
  readonly contractLines: string[]
  readonly logs: string[]
  /** The first event of that name, past or future. */
  event(name: string): Promise<unknown>
  stop(): Promise<void>
}

export const CREDENTIALS: Credentials = { user: 'reader', password: 'open sesame: 1' }

export async function startHeard(
  implementation: Implementation<Contract>, settings: Readonly<Record<string, unknown>>, secrets: Readonly<Record<string, string>> = {}, assetsFolder = 'assets',
): Promise<Heard> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'hamlet-test-'))
  const events: Heard['events'] = []
  const rows: Heard['rows'] = new Map()
  const contractLines: string[] = []
  const logs: string[] = []
  const waiting = new Set<(name: string, data: unknown) => void>()
  const service = await startService(implementation, settings, { dataFolder, assetsFolder, secrets }, {
    contractLine: text => contractLines.push(text),
    log: text => logs.push(text),
    event(name, data) {
      events.push({ name, data })
      for (const notify of waiting) notify(name, data)
    },
    row: (key, row) => row === undefined ? rows.delete(key) : rows.set(key, row),
    health: () => undefined, endpoints: () => undefined,
    failed: error => { throw error },
  })
  return {
    service, events, rows, contractLines, logs,
    event: wanted => new Promise(resolve => {
      const seen = events.find(({ name }) => name === wanted)
      if (seen !== undefined) return resolve(seen.data)
      const notify = (name: string, data: unknown): void => {
        if (name !== wanted) return
        waiting.delete(notify)
        resolve(data)
      }
      waiting.add(notify)
    }),
    async stop() {
      await service.stop()
      await rm(dataFolder, { recursive: true })
    },
  }
}

/**
 * Secrets and settings of a gateway for tests. By default its DHCP and DNS servers do not exist: no test may broadcast.
 */
export const GATEWAY_SECRETS = { proxy_user: CREDENTIALS.user, proxy_password: CREDENTIALS.password }
export const GATEWAY_SETTINGS = { dhcp: '127.0.0.1:1', dns: '127.0.0.1:1' }

export interface Page {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** False if the transfer was aborted. */
  readonly complete: boolean
}

export interface Visit {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
  readonly credentials?: Credentials | undefined
}

export function proxyPort({ service }: Heard): number {
  return service.endpoints[0]?.port ?? 0
}

/** Loads one URL through the proxy. Rejects only if there was no response at all. */
export function visit(gateway: Heard, url: string, { method = 'GET', headers = {}, body, ...rest }: Visit = {}): Promise<Page> {
  const credentials = 'credentials' in rest ? rest.credentials : CREDENTIALS
  return new Promise((resolve, reject) => {
    const asked = request({
      host: '127.0.0.1', port: proxyPort(gateway), method, path: url, agent: new Agent(),
      headers: { Host: 'ignored.example', ...headers, ...(credentials === undefined ? {} : { 'Proxy-Authorization': basicAuthorization(credentials) }) },
    }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', () => undefined)
      response.on('close', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks), complete: response.complete }))
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

/** Requests a tunnel; resolves with the status of the proxy and the stream after its response. */
export function tunnelTo(gateway: Heard, authority: string, credentials: Credentials | undefined = CREDENTIALS): Promise<{ status: number; stream: Socket; head: Buffer }> {
  return new Promise((resolve, reject) => {
    const stream = connect({ port: proxyPort(gateway), host: '127.0.0.1', allowHalfOpen: true })
    stream.once('error', reject)
    const authorization = credentials === undefined ? '' : `Proxy-Authorization: ${basicAuthorization(credentials)}\r\n`
    stream.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${authorization}\r\n`)
    let heard = Buffer.alloc(0)
    const listen = (chunk: Buffer): void => {
      heard = Buffer.concat([heard, chunk])
      const end = heard.indexOf('\r\n\r\n')
      if (end < 0) return
      stream.off('data', listen)
      resolve({ status: Number(heard.toString('latin1').split(' ')[1]), stream, head: heard.subarray(end + 4) })
    }
    stream.on('data', listen)
  })
}
