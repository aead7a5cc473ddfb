/**
 * The way to a page: from the host and port of an address to the endpoints that may serve it. Names are asked of Hamlet's own
 * resolver and of nothing else; the system's resolver never hears of them.
 */
import { unresolved, type Resolution, type Resolver } from '../dns/resolver.ts'
import type { Endpoint } from '../kit/endpoint.ts'
import { HamletError } from '../kit/errors.ts'
import { isIpAddress } from '../kit/ip-address.ts'
import type { Random } from '../kit/random.ts'
import type { Transport } from './contract.ts'
import { isUnder } from './core/connect-policy.ts'
import { chooseServiceRecord, DEFAULT_PORT, parseServiceRecord, serviceName, type ServiceRecord } from './core/service-record.ts'
import type { Authority } from './core/target.ts'

export interface Way {
  /** To be tried in order; at least one. */
  readonly candidates: readonly Endpoint[]
  /** How the name became an address, for a person. */
  readonly sentence: string
  /** Some of it was known from before; asked anew, it may have changed. */
  readonly remembered: boolean
}

/** What DNS says of a name. */
interface Known {
  readonly addresses: readonly string[]
  readonly sentence: string
  readonly remembered: boolean
}

/** Whoever answers names: the gateway asks its resolver only once it knows the DNS server. */
export type ResolveName = Resolver['resolve']

const CANDIDATES_MAX = 4

/**
 * Finds where `host` is served. A port that the address names is taken as it is; else SRV records tell, else the usual port.
 * @throws HamletError name-unknown, or upstream-unreachable where no DNS server could say
 */
export async function findWay({ host, port }: Authority, transport: Transport, resolve: ResolveName, random: Random): Promise<Way> {
  const usual = port ?? DEFAULT_PORT[transport]
  if (isIpAddress(host)) return { candidates: [{ address: host, port: usual }], sentence: `${host} is an address, there is no name to look up`, remembered: false }
  // RFC 6761 §6.3: never asked of a DNS server.
  if (isUnder(host, 'localhost')) return { candidates: [{ address: '127.0.0.1', port: usual }], sentence: `${host} is this machine`, remembered: false }

  const name = host.replace(/\.$/, '')
  const [own, service] = await Promise.allSettled([lookUp(name, resolve), port === undefined ? findServiceRecord(name, transport, resolve, random) : undefined])
  // Without an answer about SRV the usual port still stands; that the server is silent shows at the address.
  const found = service.status === 'fulfilled' ? service.value : undefined
  const record = found?.record
  // A service may live elsewhere than at the name itself, which then needs no address of its own.
  if (own.status === 'rejected' && (record === undefined || record.target === name)) throw own.reason
  const known = own.status === 'fulfilled' ? own.value : NOTHING
  if (record === undefined) return { candidates: endpoints(known, usual), sentence: known.sentence, remembered: known.remembered || found?.remembered === true }
  if (record.target === '') throw notOffered(name, transport)
  const told = record.target === name ? known : await lookUp(record.target, resolve)
  return {
    candidates: endpoints(told, record.port), sentence: `${told.sentence}; ${serviceName(name, transport)} names port ${record.port}`,
    remembered: told.remembered || found?.remembered === true,
  }
}

const NOTHING: Known = { addresses: [], sentence: '', remembered: false }

function endpoints({ addresses }: Known, port: number): Endpoint[] {
  return addresses.slice(0, CANDIDATES_MAX).map(address => ({ address, port }))
}

async function lookUp(name: string, resolve: ResolveName): Promise<Known> {
  const ipv4 = await resolve(name, 'A')
  const answer = ipv4.rcode === 'NOERROR' && !hasRecord(ipv4, 'A') ? await resolve(name, 'AAAA') : ipv4
  const addresses = answer.records.filter(({ type }) => type === 'A' || type === 'AAAA').map(({ data }) => data)
  if (addresses.length === 0) throw unresolved(name, 'address', answer)
  return { addresses, sentence: answer.sentence, remembered: answer.source === 'cache' }
}

function hasRecord({ records }: Resolution, wanted: string): boolean {
  return records.some(({ type }) => type === wanted)
}

function notOffered(name: string, transport: Transport): HamletError {
  return new HamletError({
    code: 'refused', what: `${name} offers no pages by ${transport.toUpperCase()}`, why: `its SRV record ${serviceName(name, transport)} says so`,
    remedy: 'choose the other transport or give a port in the address',
  })
}

async function findServiceRecord(name: string, transport: Transport, resolve: ResolveName, random: Random): Promise<{ record: ServiceRecord | undefined; remembered: boolean }> {
  const { records, source } = await resolve(serviceName(name, transport), 'SRV')
  const known = records.filter(({ type }) => type === 'SRV').flatMap(({ data }) => parseServiceRecord(data) ?? [])
  return { record: chooseServiceRecord(known, random), remembered: source === 'cache' }
}
