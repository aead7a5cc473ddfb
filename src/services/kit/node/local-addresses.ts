/** The addresses and networks of this machine. */
import { networkInterfaces } from 'node:os'
import { isWildcard, parseIpv4, prefixBitsOf } from '../ip-address.ts'

/** An IPv4 address of an interface. */
export interface LocalAddress {
  readonly interfaceName: string
  readonly address: string
  readonly prefixBits: number
  readonly loopback: boolean
  /** `02:00:00:00:00:01`. */
  readonly mac: string
}

/** The IPv4 addresses of all interfaces that are up, in the system's order: loopback first. */
export function localIpv4Addresses(): LocalAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([interfaceName, addresses]) =>
    (addresses ?? []).filter(({ family }) => family === 'IPv4').map(({ address, netmask, internal, mac }) => ({
      interfaceName, address, prefixBits: prefixBitsOf(parseIpv4(netmask) ?? 0xffffffff) ?? 32, loopback: internal, mac,
    })))
}

/**
 * The addresses to bind for `--host`. The wildcard expands to each address of this machine, so that a response leaves from the address that
 * was queried, and other servers (systemd-resolved on 127.0.0.53) keep theirs. IPv6 link-local addresses are left out.
 */
export function addressesToBind(host: string): string[] {
  if (!isWildcard(host)) return [host]
  const ipv4 = localIpv4Addresses().map(({ address }) => address)
  if (host === '0.0.0.0') return ipv4.length > 0 ? ipv4 : ['127.0.0.1']
  const ipv6 = Object.values(networkInterfaces()).flat()
    .filter(address => address !== undefined && address.family === 'IPv6' && !address.address.startsWith('fe80'))
  return [...ipv4, ...ipv6.map(address => address?.address ?? '::1')]
}

/** The networks of this machine's interfaces, without loopback: `192.168.1.5/24`, `fe80::1/64`. */
export function localNetworks(): string[] {
  return Object.values(networkInterfaces()).flatMap(addresses => (addresses ?? []).flatMap(({ internal, cidr }) => internal || cidr === null ? [] : [cidr]))
}
