/** Chooses the interfaces of this machine that the DHCP server may serve. */
import { readFileSync } from 'node:fs'
import { UsageError } from '../kit/errors.ts'
import { isLoopback, isWildcard, parseIpv4 } from '../kit/ip-address.ts'
import { localIpv4Addresses, type LocalAddress } from '../kit/node/local-addresses.ts'
import type { Candidate } from './core/pools.ts'

const LOOPBACK_PREFIX_BITS = 8

/**
 * Interfaces of virtual machines, containers and tunnels, which get their addresses otherwise. They are served only if
 * named.
 */
const VIRTUAL = /^(docker|br-[0-9a-f]{12}$|virbr|vboxnet|vmnet|vEthernet|podman|cni|flannel|lxcbr|lxdbr|tun|tap|utun|wg|tailscale|zt)/

/**
 * For `0.0.0.0`, loopback and all interfaces, or the named one. For any other host, the interface that has this
 * address.
 * @throws UsageError if host is not an IPv4 address or not one of the named interface, or no interface has that name
 */
export function candidatesFor(host: string, interfaceName: string | undefined): Candidate[] {
  const address = parseIpv4(host)
  if (address === undefined) throw new UsageError(`--host cannot be ${host}`, 'DHCP is for IPv4 only', 'give an IPv4 address of this machine, 127.0.0.1 or 0.0.0.0')
  const gateways = defaultGateways()
  const locals = localIpv4Addresses()
  if (interfaceName !== undefined && !locals.some(local => local.interfaceName === interfaceName)) {
    const names = [...new Set(locals.map(local => local.interfaceName))].join(', ')
    throw new UsageError(`--interface cannot be ${interfaceName}`, 'this machine has no such interface with an IPv4 address', `choose one of ${names}`)
  }
  if (!isWildcard(host)) {
    const loopback = isLoopback(host)
    const local = locals.find(one => one.address === host) ?? { interfaceName: loopback ? 'lo' : '', address: host, prefixBits: loopback ? LOOPBACK_PREFIX_BITS : 24, loopback }
    if (interfaceName !== undefined && local.interfaceName !== interfaceName) {
      throw new UsageError(`--interface cannot be ${interfaceName}`, `it does not have ${host}, the address given with --host`, 'give only one of the two')
    }
    return [{ ...candidate(local, gateways), named: true }]
  }
  const served = locals.filter(local => local.loopback || (interfaceName === undefined ? !VIRTUAL.test(local.interfaceName) : local.interfaceName === interfaceName))
  return served.map(local => candidate(local, gateways))
}

function candidate({ interfaceName, address, prefixBits, loopback }: Omit<LocalAddress, 'mac'>, gateways: ReadonlyMap<string, number>): Candidate {
  return { interfaceName, address: parseIpv4(address) ?? 0, prefixBits, loopback, gateway: gateways.get(interfaceName) }
}

/**
 * The default gateway of each interface, as Linux lists it. On other systems none is known, and clients get no router.
 */
function defaultGateways(): Map<string, number> {
  const gateways = new Map<string, number>()
  let table: string
  try {
    table = readFileSync('/proc/net/route', 'utf8')
  } catch {
    return gateways
  }
  for (const line of table.split('\n').slice(1)) {
    const [interfaceName, destination, gateway] = line.split('\t')
    // Hexadecimal in host byte order, which is little-endian wherever Hamlet runs.
    const bytes = /^([0-9A-F]{2})([0-9A-F]{2})([0-9A-F]{2})([0-9A-F]{2})$/.exec(gateway ?? '')
    if (interfaceName === undefined || destination !== '00000000' || bytes === null || gateway === '00000000') continue
    gateways.set(interfaceName, parseInt(bytes.slice(1).reverse().join(''), 16))
  }
  return gateways
}
