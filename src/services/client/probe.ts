/** Health probes for the lamps: a healthy service returns, on its real socket, what its users would get. Never throws. */
import type { IncomingMessage } from 'node:http'
import { createResolver, type Resolution } from '../dns/resolver.ts'
import { formatLeaseTime, obtainLease } from '../dhcp/client.ts'
import { formatBytes } from '../kit/amounts.ts'
import { formatEndpoint, type Endpoint } from '../kit/endpoint.ts'
import { HamletError, partsOf } from '../kit/errors.ts'
import { PROBE_HEADER } from '../kit/probe-header.ts'
import { Connections, type Environment, type RudpOptions } from './connections.ts'
import type { Transport } from './contract.ts'
import { valuesOf, ERROR_HEADER, type HeaderField } from './core/headers.ts'
import { basicAuthorization, type Credentials } from './credentials.ts'

export interface ProbeResult {
  readonly ok: boolean
  /** What came back, or why nothing did. */
  readonly sentence: string
  readonly tookMs: number
}

/** What the probes need to know about their gateway. */
export interface Prober extends Environment, RudpOptions {
  readonly mac: string
  readonly hostName: string
  readonly proxy: Endpoint
  readonly credentials: Credentials
  /** Marks a request to our own proxy as a probe. */
  readonly token: string
}

const PROBE_MS_MAX = 3_000
/** How long to wait for the name once the server has proven to be healthy. */
const NAME_MS_MAX = 500
/** Longer pages fail the probe. */
const PAGE_BYTES_MAX = 16 * 1024 * 1024

/** Runs one probe; an error becomes its sentence. */
export async function timed({ clock }: Environment, probe: () => Promise<string>): Promise<ProbeResult> {
  const startedAtMs = clock.nowMs()
  try {
    return { ok: true, sentence: await probe(), tookMs: clock.nowMs() - startedAtMs }
  } catch (error) {
    const { what, why } = partsOf(error)
    return { ok: false, sentence: `${what}: ${why}`, tookMs: clock.nowMs() - startedAtMs }
  }
}

/**
 * Queries a name, and the domain that all of our servers are authoritative for. The answer for the domain is enough:
 * the name may not be registered, or may have to be forwarded, which takes time.
 */
export async function probeDns(server: Endpoint, name: string, environment: Environment): Promise<string> {
  const resolver = createResolver({ servers: [server], ...environment })
  const { clock } = environment
  let cancel = (): void => undefined
  try {
    const named = resolver.resolve(name, 'A')
    const known = named.catch(() => undefined)
    const [apex] = await Promise.allSettled([resolver.resolve('home', 'SOA')])
    if (apex.status === 'rejected' || !isAnswer(apex.value)) return listed(await named)
    const late = new Promise<undefined>(resolve => { cancel = clock.wakeAt(clock.nowMs() + NAME_MS_MAX, () => resolve(undefined)) })
    const answer = await Promise.race([known, late])
    return answer !== undefined && isAnswer(answer) ? listed(answer) : `${listed(apex.value)}; it does not know ${name}`
  } finally {
    cancel()
    await resolver.close()
  }
}

function isAnswer({ rcode, records }: Resolution): boolean {
  return rcode === 'NOERROR' && records.length > 0
}

/** @throws HamletError if there is no record to list */
function listed({ records, sentence, rcode }: Resolution): string {
  if (rcode !== 'NOERROR' || records.length === 0) throw new HamletError({ code: 'refused', what: 'The DNS server returned no record', why: sentence, remedy: 'check its log', proof: rcode })
  return records.slice(0, 3).map(({ name, type, data }) => `${name} ${type} ${data}`).join(', ')
}

/** Asks for an offer and does not request it: no address is taken. */
export async function probeDhcp(server: Endpoint, { mac, hostName, clock, random, trace }: Prober): Promise<string> {
  const { address, leaseSeconds } = await obtainLease({ server, mac, hostName, clock, random, trace, timeoutMs: PROBE_MS_MAX, probe: true })
  return `It offers ${address} for ${formatLeaseTime(leaseSeconds)}`
}

/** Loads the home page directly from the server. */
export async function probeAppServer(server: Endpoint, transport: Transport, name: string, environment: Environment & RudpOptions): Promise<string> {
  return loadWhole(environment, transport, server, name, '/', [['Host', [name]], ['Connection', ['close']], [PROBE_HEADER, ['1']]])
}

/** Loads a page as a browser does: through the proxy, by name. */
export async function probeProxy(transportFields: readonly HeaderField[], name: string, { proxy, credentials, token, ...environment }: Prober): Promise<string> {
  return loadWhole(environment, 'tcp', proxy, name, `http://${name}/`, [
    ['Host', [name]], ['Connection', ['close']], ['Proxy-Authorization', [basicAuthorization(credentials)]], [PROBE_HEADER, [token]], ...transportFields,
  ])
}

async function loadWhole(environment: Environment & RudpOptions, transport: Transport, server: Endpoint, authority: string, path: string, fields: readonly HeaderField[]): Promise<string> {
  const connections = new Connections(environment, { encryption: environment.encryption })
  const late = new AbortController()
  const cancel = environment.clock.wakeAt(environment.clock.nowMs() + PROBE_MS_MAX, () => late.abort())
  try {
    const open = await connections.open([server], { transport, authority, method: 'GET', path, fields, hasBody: false, signal: late.signal, fresh: true })
    const response = await open.response
    const bytes = await countBytes(response)
    const status = response.statusCode ?? 0
    const code = valuesOf(response.rawHeaders, ERROR_HEADER)[0]
    if (code !== undefined || status < 200 || status >= 400) {
      throw new HamletError({ code: 'refused', what: `${formatEndpoint(server)} returned no page`, why: `it answered with status ${status}${code === undefined ? '' : ` (${code})`}`, remedy: 'check its log' })
    }
    return `Status ${status} with ${formatBytes(bytes)} over ${transport.toUpperCase()}`
  } catch (error) {
    if (late.signal.aborted) throw new HamletError({ code: 'timed-out', what: `${formatEndpoint(server)} did not return the whole page`, why: `it took longer than ${PROBE_MS_MAX / 1000} s`, remedy: 'check its log' }, { cause: error })
    throw error
  } finally {
    cancel()
    await connections.close()
  }
}

async function countBytes(response: IncomingMessage): Promise<number> {
  let bytes = 0
  for await (const chunk of response) {
    // Without an encoding set, node:http yields Buffers.
    bytes += (chunk as Buffer).length
    if (bytes > PAGE_BYTES_MAX) throw new HamletError({ code: 'refused', what: 'The page is too long for a probe', why: `it has more than ${formatBytes(PAGE_BYTES_MAX)}`, remedy: 'serve a shorter home page' })
  }
  return bytes
}
