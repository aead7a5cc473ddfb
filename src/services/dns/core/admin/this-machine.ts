/**
 * Whether a source address proves that the sender is this machine. No system accepts a packet from the network with a loopback
 * source (RFC 1812 §5.3.7), and Linux accepts none with one of its own IPv4 addresses as the source: such a datagram from a
 * neighbor is dropped. IPv6 has no such rule. One of this machine's own IPv6 addresses is therefore proof only on a TCP
 * connection, which cannot be opened from a forged address.
 */
import { isLoopback, parseIpv4 } from '../../../kit/ip-address.ts'

/** @param own addresses of this machine: the one that received the request, or all of them */
export function isThisMachine(address: string, own: readonly string[], overTcp: boolean): boolean {
  return isLoopback(address) || (own.includes(address) && (overTcp || parseIpv4(address) !== undefined))
}
