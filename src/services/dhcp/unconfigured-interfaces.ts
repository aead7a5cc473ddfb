/**
 * Interfaces that are up but have no IPv4 address yet. A client without an address sends from 0.0.0.0 (RFC 2131 §4.1).
 * Sending by a named interface works only on Linux with the batch add-on. If another interface has an address, Linux
 * uses that as the source instead of 0.0.0.0, which makes no difference to servers on port 67.
 */
import { readFileSync } from 'node:fs'
import { localIpv4Addresses } from '../kit/node/local-addresses.ts'
import { loadBatchAddOn } from '../kit/node/udp/batch-add-on.ts'
import { linuxInterfaces } from './linux-interfaces.ts'

export interface UnconfiguredInterface {
  readonly name: string
  /** Why no message can be sent or answered on it, and the remedy; undefined if it can. */
  readonly obstacle: { readonly why: string; readonly remedy: string } | undefined
}

export function unconfiguredInterfaces(): UnconfiguredInterface[] {
  if (process.platform !== 'linux') return []
  const addressed = new Set(localIpv4Addresses().map(({ interfaceName }) => interfaceName))
  return linuxInterfaces().filter(({ name, canBroadcast }) => canBroadcast && !addressed.has(name)).map(({ name }) => ({ name, obstacle: obstacleOf(name) }))
}

function obstacleOf(name: string): UnconfiguredInterface['obstacle'] {
  const loaded = loadBatchAddOn()
  if ('why' in loaded) return { why: loaded.why, remedy: 'give the interface an address, or run "npm run setup" with a C compiler installed' }
  if (!filtersReversePath('all') && !filtersReversePath(name)) return undefined
  const settings = ['all', name].map(of => `net.ipv4.conf.${of}.rp_filter=0`).join(' ')
  return { why: `${name} drops all replies until it has one (rp_filter)`, remedy: `give it an address, or allow replies with: sudo sysctl -w ${settings}` }
}

/**
 * Reverse path filtering drops packets that there is no route back for, and without an address there is none. The
 * stricter of the two settings applies.
 */
function filtersReversePath(name: string): boolean {
  try {
    return readFileSync(`/proc/sys/net/ipv4/conf/${name}/rp_filter`, 'utf8').trim() !== '0'
  } catch {
    return false // The interface is gone.
  }
}
