/**
 * The networks to serve and their address pools. Each served interface is a network with a pool of its own:
 *
 * - `--pool FIRST-LAST` applies to the interface whose subnet contains it.
 * - Without `--pool`, a range of the interface's subnet is chosen: .100 to .199 of the block of 256 that contains this
 *   machine's own address, or the upper half of a smaller subnet.
 * - On loopback the pool is 127.0.1.100 to 127.0.1.199. A client learns and shows such an address, and never applies it
 *   to an interface.
 * - An interface with only a link-local address is not served: such addresses must not be assigned by DHCP (RFC 3927
 *   §1.6).
 *
 * `--subnet` adds a network behind a relay. A reservation belongs to the network whose subnet contains it. Never
 * allocated: the network and broadcast addresses, this machine's own addresses, the router's, and those that
 * `--exclude` names.
 */
import { UsageError } from '../../kit/errors.ts'
import { broadcastOf, formatIpv4, subnetContains, subnetOf, type Subnet } from '../../kit/ip-address.ts'
import { formatSubnet, parseExclusion, parsePool, parseRelayedSubnet, parseReservation, type Reservation } from './address-settings.ts'
import type { Pool } from './leases.ts'

const LOOPBACK_POOL: Pool = { first: 0x7f000164, last: 0x7f0001c7 }

/** An interface that could be served. Addresses are uint32. */
export interface Candidate {
  readonly interfaceName: string
  readonly address: number
  readonly prefixBits: number
  readonly loopback: boolean
  /** The default gateway by this interface. */
  readonly gateway: number | undefined
  /** The user named this interface by its address. */
  readonly named?: boolean
}

/** A served network. */
export interface ServedNetwork {
  /** '' behind a relay. */
  readonly interfaceName: string
  /** This machine's address there, which is the server identifier. Undefined behind a relay. */
  readonly serverAddress: number | undefined
  /** All addresses of this machine in the subnet. */
  readonly own: readonly number[]
  readonly subnet: Subnet
  readonly pool: Pool
  readonly excluded: readonly number[]
  /** By Client.key. */
  readonly reservations: ReadonlyMap<string, Reservation>
  readonly router: number | undefined
  readonly loopback: boolean
}

/** The user's settings about addresses, unparsed (address-settings.ts). */
export interface AddressSettings {
  readonly pool?: string | undefined
  readonly exclude?: readonly string[] | undefined
  readonly reserve?: readonly string[] | undefined
  readonly subnet?: readonly string[] | undefined
}

const BLOCK = 256
const FIRST_IN_BLOCK = 100
const LAST_IN_BLOCK = 199
/** Smaller subnets, such as a point-to-point link, have no address left for a client. */
const PREFIX_BITS_MAX = 30
const LINK_LOCAL: Subnet = { network: 0xa9fe0000, prefixBits: 16 }

/**
 * The networks to serve: those of the candidates in their order, then those behind relays. Interfaces in the same or
 * overlapping subnets are one network, served on the first of them.
 * @param locals all addresses of this machine, including those of interfaces that are not served
 * @throws UsageError if a setting cannot be parsed, a pool or a reservation is in no served subnet, a pool has no
 *   address to allocate, or an address or client is reserved twice
 */
export function networksToServe(candidates: readonly Candidate[], settings: AddressSettings, locals: readonly number[] = []): ServedNetwork[] {
  const pool = settings.pool === undefined ? undefined : parsePool(settings.pool)
  const exclusions = (settings.exclude ?? []).map(parseExclusion)
  const networks: ServedNetwork[] = []
  const serve = (network: ServedNetwork) => {
    const isNew = !networks.some(earlier => overlap(earlier.subnet, network.subnet))
    if (isNew) networks.push(network)
    return isNew
  }
  for (const candidate of candidates) {
    const network = networkOf(candidate, pool, candidates.length === 1, locals)
    if (network !== undefined && (pool !== undefined || allocatableIn(network) > 0)) serve(network)
  }
  if (pool !== undefined && !networks.some(network => network.pool === pool)) {
    const subnets = candidates.map(({ address, prefixBits }) => formatSubnet(subnetOf(address, prefixBits))).join(', ')
    throw new UsageError(`--pool cannot be ${settings.pool ?? ''}`, `no served interface has both ends in its subnet (${subnets})`, 'choose a range in one of these subnets')
  }
  for (const text of settings.subnet ?? []) {
    const { subnet, router, pool: range } = parseRelayedSubnet(text)
    const network: ServedNetwork = { interfaceName: '', serverAddress: undefined, own: [], subnet, pool: range, excluded: [...endsOf(subnet), router], reservations: new Map(), router, loopback: false }
    if (!serve(network)) throw new UsageError(`--subnet cannot be ${text}`, `${formatSubnet(subnet)} overlaps a network that is already served`, 'name only networks behind relays, each once')
  }
  const served = withReservations(networks, settings.reserve ?? []).map(network =>
    ({ ...network, excluded: [...network.excluded, ...exclusions.flatMap(range => addressesIn(intersection(range, network.pool)))] }))
  const empty = served.find(network => allocatableIn(network) === 0 && network.reservations.size === 0)
  if (empty !== undefined) {
    const { first, last } = empty.pool
    throw new UsageError(`no address of ${formatIpv4(first)}-${formatIpv4(last)} can be leased`, 'each is excluded, this machine\'s own, the router\'s, or the network\'s', 'choose another range, or exclude less')
  }
  return served
}

/** How many addresses of the pool can go to clients without a reservation. */
function allocatableIn({ pool, excluded, reservations }: ServedNetwork): number {
  const unavailable = new Set([...excluded, ...[...reservations.values()].map(({ yiaddr }) => yiaddr)])
  return pool.last - pool.first + 1 - [...unavailable].filter(yiaddr => yiaddr >= pool.first && yiaddr <= pool.last).length
}

/** Call this before adding the user's exclusions, which do not apply to reservations. */
function withReservations(networks: readonly ServedNetwork[], texts: readonly string[]): ServedNetwork[] {
  const reserved = new Map(networks.map(network => [network, new Map<string, Reservation>()]))
  const addresses = new Set<number>()
  for (const text of texts) {
    const reservation = parseReservation(text)
    const refused = (why: string) => new UsageError(`--reserve cannot be ${text}`, why, 'reserve one free address of a served network for each client')
    const network = networks.find(({ subnet }) => subnetContains(subnet, reservation.yiaddr))
    const reservations = network === undefined ? undefined : reserved.get(network)
    if (network === undefined || reservations === undefined) throw refused(`${formatIpv4(reservation.yiaddr)} is in no served network`)
    if (network.excluded.includes(reservation.yiaddr)) throw refused(`${formatIpv4(reservation.yiaddr)} is never leased: it is this machine's own, the router's, or the network's`)
    if (addresses.has(reservation.yiaddr)) throw refused(`${formatIpv4(reservation.yiaddr)} is reserved twice`)
    if (reservations.has(reservation.key)) throw refused('this client already has a reservation in that network')
    addresses.add(reservation.yiaddr)
    reservations.set(reservation.key, reservation)
  }
  return networks.map(network => ({ ...network, reservations: reserved.get(network) ?? new Map<string, Reservation>() }))
}

function networkOf(candidate: Candidate, configured: Pool | undefined, alone: boolean, locals: readonly number[]): ServedNetwork | undefined {
  const { interfaceName, address, prefixBits, loopback, gateway } = candidate
  if (!loopback && prefixBits > PREFIX_BITS_MAX) return undefined
  const local = subnetOf(address, prefixBits)
  const router = gateway !== undefined && subnetContains(local, gateway) ? gateway : undefined
  const network = (subnet: Subnet, pool: Pool): ServedNetwork => {
    const own = [...new Set([address, ...locals])].filter(one => one === address || subnetContains(subnet, one))
    return { interfaceName, serverAddress: address, own, subnet, pool, excluded: [...endsOf(subnet), ...own, ...(router === undefined ? [] : [router])], reservations: new Map(), router, loopback }
  }
  const containsPool = configured !== undefined && subnetContains(local, configured.first) && subnetContains(local, configured.last)
  if (containsPool) return network(local, configured)
  if (loopback) return configured !== undefined && alone ? network(smallestSubnet(configured), configured) : network(local, LOOPBACK_POOL)
  return configured === undefined && !isLeftOut(candidate) ? network(local, rangeIn(local, address)) : undefined
}

/** Whether an interface is not served because its address is link-local and the user did not name it. */
export function isLeftOut({ address, named = false }: Candidate): boolean {
  return subnetContains(LINK_LOCAL, address) && !named
}

function rangeIn(subnet: Subnet, own: number): Pool {
  const broadcast = broadcastOf(subnet)
  const size = broadcast - subnet.network + 1
  if (size < BLOCK) return { first: subnet.network + size / 2, last: broadcast - 1 }
  const block = own - (own % BLOCK)
  return { first: block + FIRST_IN_BLOCK, last: block + LAST_IN_BLOCK }
}

/**
 * If only loopback is served, any pool is allowed, for teaching. Its subnet is taken to be a /24, or the smallest
 * subnet that contains it.
 */
function smallestSubnet({ first, last }: Pool): Subnet {
  let prefixBits = 24
  while (prefixBits > 0 && !subnetContains(subnetOf(first, prefixBits), last)) prefixBits--
  return subnetOf(first, prefixBits)
}

/** The network address and the broadcast address. */
function endsOf(subnet: Subnet): readonly number[] {
  return [subnet.network, broadcastOf(subnet)]
}

function overlap(one: Subnet, other: Subnet): boolean {
  return one.prefixBits <= other.prefixBits ? subnetContains(one, other.network) : subnetContains(other, one.network)
}

function intersection(one: Pool, other: Pool): Pool {
  return { first: Math.max(one.first, other.first), last: Math.min(one.last, other.last) }
}

function addressesIn({ first, last }: Pool): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)
}
