/**
 * The commands that give an interface of this machine what was lent, and those that take it away again: shown to the person
 * before anything is run. Linux only. The system itself drops the address when the lease ends, so nothing that was lent is used
 * longer than it may be. The system's resolver is left alone.
 */
import { parseIpv4, prefixBitsOf, subnetContains, subnetOf } from '../../kit/ip-address.ts'
import { INFINITE_LEASE, type Lease } from './lease.ts'

export interface Commands {
  /** Each as program and arguments, in order. */
  readonly apply: readonly (readonly string[])[]
  readonly undo: readonly (readonly string[])[]
}

/** Behind every default route that the machine has: none is taken from it. */
const METRIC = '4096'
const HOST_PREFIX_BITS = 32

/** @param nowMs what has passed of the lease is no part of it any more */
export function commandsFor({ address, subnetMask, router, leaseSeconds, obtainedAtMs }: Lease, interfaceName: string, nowMs: number): Commands {
  const prefixBits = prefixBitsOf(parseIpv4(subnetMask) ?? 0xffffffff) ?? HOST_PREFIX_BITS
  const lasts = leaseSeconds === INFINITE_LEASE ? 'forever' : String(Math.max(1, Math.floor(leaseSeconds - (nowMs - obtainedAtMs) / 1000)))
  const own = [`${address}/${prefixBits}`, 'dev', interfaceName]
  // Some networks lend each address alone, and the router is outside of it.
  const isNear = subnetContains(subnetOf(parseIpv4(address) ?? 0, prefixBits), parseIpv4(router) ?? 0)
  const route = ['default', 'via', router, 'dev', interfaceName, ...(isNear ? [] : ['onlink']), 'metric', METRIC]
  const hasRouter = router !== ''
  return {
    apply: [['ip', 'address', 'add', ...own, 'valid_lft', lasts, 'preferred_lft', lasts], ...(hasRouter ? [['ip', 'route', 'add', ...route]] : [])],
    undo: [...(hasRouter ? [['ip', 'route', 'delete', ...route]] : []), ['ip', 'address', 'delete', ...own]],
  }
}
