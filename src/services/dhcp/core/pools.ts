/**
 * Which addresses are lent on which interface. Each served interface is a network with a pool of its own:
 *
 * - `--pool FIRST-LAST` is lent on the interface whose subnet holds it.
 * - Without it a range of the local subnet is chosen: .100 to .199 of the block of 256 in which this machine's own address
 *   is; in subnets that are smaller than that, their upper half.
 * - On loopback 127.0.1.100 to 127.0.1.199 is lent. Such an address is learned and shown, never applied to an interface.
 *
 * Never lent: the network's and the broadcast address, this machine's own, the gateway's.
 */
import { UsageError } from '../../kit/errors.ts'
import { broadcastOf, formatIpv4, parseIpv4, subnetContains, subnetOf, type Subnet } from '../../kit/ip-address.ts'
import type { Pool } from './leases.ts'

export const LOOPBACK_POOL: Pool = { first: 0x7f000164, last: 0x7f0001c7 }

/** An interface that could be served. Addresses as uint32. */
export interface Candidate {
  readonly interfaceName: string
  readonly address: number
  readonly prefixBits: number
  readonly loopback: boolean
  /** The router of this machine, where it is in this subnet. */
  readonly gateway: number | undefined
}

/** An interface that is served. */
export interface ServedNetwork {
  readonly interfaceName: string
  /** This machine's address there: the server identifier. */
  readonly serverAddress: number
  readonly subnet: Subnet
  readonly pool: Pool
  readonly excluded: readonly number[]
  readonly router: number | undefined
  readonly loopback: boolean
}

/** A pool of more is refused: its book-keeping would fill the memory. */
const POOL_SIZE_MAX = 65_536
const BLOCK = 256
const FIRST_IN_BLOCK = 100
const LAST_IN_BLOCK = 199
/** Smaller subnets (a point-to-point link) have nobody to lend to. */
const PREFIX_BITS_MAX = 30

/**
 * The networks to serve, in the order of the candidates. Interfaces in the same or an overlapping subnet are one network:
 * the first of them serves it.
 * @param poolText `FIRST-LAST`, or undefined
 * @throws UsageError: the pool is no range, too large, or in no subnet of this machine
 */
export function networksToServe(candidates: readonly Candidate[], poolText: string | undefined): ServedNetwork[] {
  const wanted = poolText === undefined ? undefined : parsePool(poolText)
  const networks: ServedNetwork[] = []
  for (const candidate of candidates) {
    const network = networkOf(candidate, wanted, candidates.length === 1)
    if (network !== undefined && !networks.some(earlier => overlap(earlier.subnet, network.subnet))) networks.push(network)
  }
  if (wanted !== undefined && !networks.some(({ pool }) => pool === wanted)) {
    const subnets = candidates.map(({ address, prefixBits }) => `${formatIpv4(subnetOf(address, prefixBits).network)}/${prefixBits}`).join(', ')
    throw new UsageError(`--pool cannot be ${poolText}`, `no interface that is served has both ends in its subnet (${subnets})`, 'choose a range in one of these subnets')
  }
  return networks
}

/**
 * Reads `FIRST-LAST`.
 * @throws UsageError naming what is wrong
 */
export function parsePool(text: string): Pool {
  const refused = (why: string) => new UsageError(`--pool cannot be ${text}`, why, 'write FIRST-LAST, such as 192.168.1.100-192.168.1.199')
  const [first, last] = text.split('-').map(parseIpv4)
  if (first === undefined || last === undefined) throw refused('it is not two IPv4 addresses')
  if (first > last) throw refused('its first address is after its last')
  if (last - first >= POOL_SIZE_MAX) throw refused(`it has more than ${POOL_SIZE_MAX} addresses`)
  return { first, last }
}

function networkOf(candidate: Candidate, wanted: Pool | undefined, alone: boolean): ServedNetwork | undefined {
  const { interfaceName, address, prefixBits, loopback, gateway } = candidate
  if (!loopback && prefixBits > PREFIX_BITS_MAX) return undefined
  const local = subnetOf(address, prefixBits)
  const router = gateway !== undefined && subnetContains(local, gateway) ? gateway : undefined
  const network = (subnet: Subnet, pool: Pool): ServedNetwork =>
    ({ interfaceName, serverAddress: address, subnet, pool, excluded: [subnet.network, broadcastOf(subnet), address, ...(router === undefined ? [] : [router])], router, loopback })
  const holdsWanted = wanted !== undefined && subnetContains(local, wanted.first) && subnetContains(local, wanted.last)
  if (holdsWanted) return network(local, wanted)
  if (loopback) return wanted !== undefined && alone ? network(smallestSubnet(wanted), wanted) : network(local, LOOPBACK_POOL)
  return wanted === undefined ? network(local, rangeIn(local, address)) : undefined
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

function overlap(one: Subnet, other: Subnet): boolean {
  return one.prefixBits <= other.prefixBits ? subnetContains(one, other.network) : subnetContains(other, one.network)
}
