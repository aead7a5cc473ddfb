/**
 * Interfaces that are up and have no IPv4 address yet: a client without one asks from 0.0.0.0 (RFC 2131 §4.1). Only Linux with
 * the batch add-on sends by an interface that is named. Where another interface has an address, Linux puts that one in place of
 * 0.0.0.0; to servers on port 67 it is all the same.
 */
import { readFileSync } from 'node:fs'
import { localIpv4Addresses } from '../kit/node/local-addresses.ts'
import { loadBatchAddOn } from '../kit/node/udp/batch-add-on.ts'
import { linuxInterfaces } from './linux-interfaces.ts'

export interface UnconfiguredInterface {
  readonly name: string
  /** Why it cannot be asked on, and what to do; undefined where it can. */
  readonly obstacle: { readonly why: string; readonly remedy: string } | undefined
}

export function unconfiguredInterfaces(): UnconfiguredInterface[] {
  if (process.platform !== 'linux') return []
  const addressed = new Set(localIpv4Addresses().map(({ interfaceName }) => interfaceName))
  return linuxInterfaces().filter(({ name, broadcasts }) => broadcasts && !addressed.has(name)).map(({ name }) => ({ name, obstacle: obstacleOf(name) }))
}

function obstacleOf(name: string): UnconfiguredInterface['obstacle'] {
  const loaded = loadBatchAddOn()
  if ('why' in loaded) return { why: loaded.why, remedy: 'give the interface an address, or run "npm run setup" where a C compiler is' }
  if (!filtersReversePath('all') && !filtersReversePath(name)) return undefined
  const settings = ['all', name].map(of => `net.ipv4.conf.${of}.rp_filter=0`).join(' ')
  return { why: `${name} drops all answers as long as it has none (rp_filter)`, remedy: `give it an address, or allow answers with: sudo sysctl -w ${settings}` }
}

/** Such an interface takes nothing but what it has a route back for, and without an address it has no route. The stricter of both settings holds. */
function filtersReversePath(name: string): boolean {
  try {
    return readFileSync(`/proc/sys/net/ipv4/conf/${name}/rp_filter`, 'utf8').trim() !== '0'
  } catch {
    return false // The interface is gone meanwhile.
  }
}
