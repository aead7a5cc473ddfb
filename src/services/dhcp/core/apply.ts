/**
 * The commands that apply a lease to an interface of this machine, and those that undo it. The user sees them before
 * any is run. Linux only. The kernel removes the address when the lease ends, so it is never used for longer than it
 * was leased. The system's resolver is left alone.
 */
import { parseIpv4, prefixBitsOf, subnetContains, subnetOf } from '../../kit/ip-address.ts'
import { INFINITE_LEASE, type Lease } from './lease.ts'

export interface Commands {
  /** In order, each as a program and its arguments. */
  readonly apply: readonly (readonly string[])[]
  readonly undo: readonly (readonly string[])[]
}

/** Lower in preference than any default route the machine is likely to have, so that none is displaced. */
const METRIC = '4096'
const HOST_PREFIX_BITS = 32

/** @param nowMs the current time: the address is valid for what is left of the lease */
export function commandsFor({ address, subnetMask, router, leaseSeconds, obtainedAtMs }: Lease, interfaceName: string, nowMs: number): Commands {
  const prefixBits = prefixBitsOf(parseIpv4(subnetMask) ?? 0xffffffff) ?? HOST_PREFIX_BITS
  const lifetime = leaseSeconds === INFINITE_LEASE ? 'forever' : String(Math.max(1, Math.floor(leaseSeconds - (nowMs - obtainedAtMs) / 1000)))
  const own = [`${address}/${prefixBits}`, 'dev', interfaceName]
  // Some networks lease single addresses (/32), with the router outside of their subnet.
  const isOnSubnet = subnetContains(subnetOf(parseIpv4(address) ?? 0, prefixBits), parseIpv4(router) ?? 0)
  const route = ['default', 'via', router, 'dev', interfaceName, ...(isOnSubnet ? [] : ['onlink']), 'metric', METRIC]
  const hasRouter = router !== ''
  return {
    apply: [['ip', 'address', 'add', ...own, 'valid_lft', lifetime, 'preferred_lft', lifetime], ...(hasRouter ? [['ip', 'route', 'add', ...route]] : [])],
    undo: [...(hasRouter ? [['ip', 'route', 'delete', ...route]] : []), ['ip', 'address', 'delete', ...own]],
  }
}
