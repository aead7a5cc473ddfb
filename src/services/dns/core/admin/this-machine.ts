/**
 * Whether a sender's address proves that it is this machine. No system takes a loopback address in from a network (RFC 1812 §5.3.7),
 * and Linux no IPv4 address of its own: a neighbour's datagram with one is dropped before anybody reads it. IPv6 has no such rule. So
 * an own IPv6 address proves something on a connection only, which nobody opens with an address that is not theirs.
 */
import { isLoopback, parseIpv4 } from '../../../kit/ip-address.ts'

/** @param own addresses of this machine: the one that was asked, or all of them */
export function isThisMachine(address: string, own: readonly string[], overTcp: boolean): boolean {
  return isLoopback(address) || (own.includes(address) && (overTcp || parseIpv4(address) !== undefined))
}
