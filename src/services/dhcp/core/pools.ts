/**
 * Which addresses are lent on which network. Each served interface is a network with a pool of its own:
 *
 * - `--pool FIRST-LAST` is lent on the interface whose subnet holds it.
 * - Without it a range of the local subnet is chosen: .100 to .199 of the block of 256 in which this machine's own address
 *   is; in subnets that are smaller than that, their upper half.
 * - On loopback 127.0.1.100 to 127.0.1.199 is lent. Such an address is learned and shown, never applied to an interface.
 * - Where this machine has a link-local address only nothing is lent: those are not to be given by DHCP (RFC 3927 §1.6).
 *
 * `--subnet` adds a network that only a relay reaches. A reservation belongs to the network whose subnet holds it.
 * Never lent: the network's and the broadcast address, this machine's own, the router's, and what `--exclude` names.
 */
import { UsageError } from '../../kit/errors.ts'
import { broadcastOf, formatIpv4, subnetContains, subnetOf, type Subnet } from '../../kit/ip-address.ts'
import type { Pool } from './leases.ts'
import { formatSubnet, parseExclusion, parsePool, parseRelayedSubnet, parseReservation, type Reservation } from './address-settings.ts'

const LOOPBACK_POOL: Pool = { first: 0x7f000164, last: 0x7f0001c7 }

/** An interface that could be served. Addresses as uint32. */
export interface Candidate {
  readonly interfaceName: string
  readonly address: number
  readonly prefixBits: number
  readonly loopback: boolean
  /** The router of this machine, where it is in this subnet. */
  readonly gateway: number | undefined
  /** The person means this one, by its address. */
  readonly named?: boolean
}

/** A network that is served. */
export interface ServedNetwork {
  /** '' where only a relay reaches it. */
  readonly interfaceName: string
  /** This machine's address there: the server identifier. Undefined where only a relay reaches it. */
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

/** What the person says about addresses, as texts (address-settings.ts). */
export interface AddressSettings {
  readonly pool?: string | undefined
  readonly exclude?: readonly string[] | undefined
  readonly reserve?: readonly string[] | undefined
  readonly subnet?: readonly string[] | undefined
}

const BLOCK = 256
const FIRST_IN_BLOCK = 100
const LAST_IN_BLOCK = 199
/** Smaller subnets (a point-to-point link) have nobody to lend to, nor have those in which this machine has the last address. */
const PREFIX_BITS_MAX = 30
const LINK_LOCAL: Subnet = { network: 0xa9fe0000, prefixBits: 16 }

/**
 * The networks to serve, in the order of the candidates, then those behind relays. Interfaces in the same or an overlapping
 * subnet are one network: the first of them serves it.
 * @param locals all addresses of this machine, those of interfaces that are not served among them
 * @throws UsageError: a text that cannot be read; a pool or a reservation in no served subnet; a pool in which nothing can be lent; an address or client
 *   reserved twice
 */
export function networksToServe(candidates: readonly Candidate[], wishes: AddressSettings, locals: readonly number[] = []): ServedNetwork[] {
  const wanted = wishes.pool === undefined ? undefined : parsePool(wishes.pool)
  const exclusions = (wishes.exclude ?? []).map(parseExclusion)
  const networks: ServedNetwork[] = []
  const serve = (network: ServedNetwork) => {
    const isNew = !networks.some(earlier => overlap(earlier.subnet, network.subnet))
    if (isNew) networks.push(network)
    return isNew
  }
  for (const candidate of candidates) {
    const network = networkOf(candidate, wanted, candidates.length === 1, locals)
    if (network !== undefined && (wanted !== undefined || lendableIn(network) > 0)) serve(network)
  }
  if (wanted !== undefined && !networks.some(({ pool }) => pool === wanted)) {
    const subnets = candidates.map(({ address, prefixBits }) => formatSubnet(subnetOf(address, prefixBits))).join(', ')
    throw new UsageError(`--pool cannot be ${wishes.pool ?? ''}`, `no interface that is served has both ends in its subnet (${subnets})`, 'choose a range in one of these subnets')
  }
  for (const text of wishes.subnet ?? []) {
    const { subnet, router, pool } = parseRelayedSubnet(text)
    const network: ServedNetwork = { interfaceName: '', serverAddress: undefined, own: [], subnet, pool, excluded: [...endsOf(subnet), router], reservations: new Map(), router, loopback: false }
    if (!serve(network)) throw new UsageError(`--subnet cannot be ${text}`, `${formatSubnet(subnet)} overlaps a network that is served already`, 'name networks behind relays only, each once')
  }
  const served = withReservations(networks, wishes.reserve ?? []).map(network =>
    ({ ...network, excluded: [...network.excluded, ...exclusions.flatMap(range => addressesIn(intersection(range, network.pool)))] }))
  const idle = served.find(network => lendableIn(network) === 0 && network.reservations.size === 0)
  if (idle !== undefined) {
    const { first, last } = idle.pool
    throw new UsageError(`nothing can be lent of ${formatIpv4(first)}-${formatIpv4(last)}`, 'every address of it is excluded, this machine\'s own, the router\'s, or the network\'s', 'choose another range, or exclude less')
  }
  return served
}

/** How many addresses of the pool somebody may get who has no reservation. */
function lendableIn({ pool, excluded, reservations }: ServedNetwork): number {
  const never = new Set([...excluded, ...[...reservations.values()].map(({ yiaddr }) => yiaddr)])
  return pool.last - pool.first + 1 - [...never].filter(yiaddr => yiaddr >= pool.first && yiaddr <= pool.last).length
}

/** Before what the person excludes is added: that is meant for those who have no reservation. */
function withReservations(networks: readonly ServedNetwork[], texts: readonly string[]): ServedNetwork[] {
  const reserved = new Map(networks.map(network => [network, new Map<string, Reservation>()]))
  const addresses = new Set<number>()
  for (const text of texts) {
    const reservation = parseReservation(text)
    const refused = (why: string) => new UsageError(`--reserve cannot be ${text}`, why, 'reserve for each client one free address of a network that is served')
    const network = networks.find(({ subnet }) => subnetContains(subnet, reservation.yiaddr))
    const reservations = network === undefined ? undefined : reserved.get(network)
    if (network === undefined || reservations === undefined) throw refused(`${formatIpv4(reservation.yiaddr)} is in no network that is served`)
    if (network.excluded.includes(reservation.yiaddr)) throw refused(`${formatIpv4(reservation.yiaddr)} is never lent: it is this machine's own, the router's, or the network's`)
    if (addresses.has(reservation.yiaddr)) throw refused(`${formatIpv4(reservation.yiaddr)} is reserved twice`)
    if (reservations.has(reservation.key)) throw refused('this client has a reservation in that network already')
    addresses.add(reservation.yiaddr)
    reservations.set(reservation.key, reservation)
  }
  return networks.map(network => ({ ...network, reservations: reserved.get(network) ?? new Map<string, Reservation>() }))
}

function networkOf(candidate: Candidate, wanted: Pool | undefined, alone: boolean, locals: readonly number[]): ServedNetwork | undefined {
  const { interfaceName, address, prefixBits, loopback, gateway } = candidate
  if (!loopback && prefixBits > PREFIX_BITS_MAX) return undefined
  const local = subnetOf(address, prefixBits)
  const router = gateway !== undefined && subnetContains(local, gateway) ? gateway : undefined
  const network = (subnet: Subnet, pool: Pool): ServedNetwork => {
    const own = [...new Set([address, ...locals])].filter(one => one === address || subnetContains(subnet, one))
    return { interfaceName, serverAddress: address, own, subnet, pool, excluded: [...endsOf(subnet), ...own, ...(router === undefined ? [] : [router])], reservations: new Map(), router, loopback }
  }
  const holdsWanted = wanted !== undefined && subnetContains(local, wanted.first) && subnetContains(local, wanted.last)
  if (holdsWanted) return network(local, wanted)
  if (loopback) return wanted !== undefined && alone ? network(smallestSubnet(wanted), wanted) : network(local, LOOPBACK_POOL)
  return wanted === undefined && !isLeftOut(candidate) ? network(local, rangeIn(local, address)) : undefined
}

/** It has a link-local address, which no `--pool` or `--host` means. */
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

/** On loopback alone any range may be lent, for a lesson: in the subnet that it seems to be from, a /24 if it fits. */
function smallestSubnet({ first, last }: Pool): Subnet {
  let prefixBits = 24
  while (prefixBits > 0 && !subnetContains(subnetOf(first, prefixBits), last)) prefixBits--
  return subnetOf(first, prefixBits)
}

/** Its own and its broadcast address. */
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
