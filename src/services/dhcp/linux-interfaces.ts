/** All interfaces of this machine, as listed by Linux in /sys/class/net. node:os lists only those with an address. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'

const FOLDER = '/sys/class/net'
/** Bits of `flags`, from <linux/if.h>. */
const FLAG = { broadcast: 0x2, loopback: 0x8 } as const
/** Values of `operstate` (RFC 2863 §3.1.14). Some drivers always report `unknown`. */
const HAS_LINK = ['up', 'unknown']

export interface LinuxInterface {
  readonly name: string
  readonly loopback: boolean
  /** Can send a broadcast now: it has a link, and is not a member of a bridge or bond. */
  readonly canBroadcast: boolean
}

/** Empty if /sys is not visible, as in some containers. */
export function linuxInterfaces(): LinuxInterface[] {
  if (!existsSync(FOLDER)) return []
  return readdirSync(FOLDER).flatMap(name => {
    const flags = Number(readAttribute(name, 'flags'))
    const canBroadcast = (flags & FLAG.broadcast) !== 0 && HAS_LINK.includes(readAttribute(name, 'operstate') ?? '') && !existsSync(`${FOLDER}/${name}/master`)
    return Number.isNaN(flags) ? [] : [{ name, loopback: (flags & FLAG.loopback) !== 0, canBroadcast }]
  })
}

/** Undefined if the interface is gone, or the entry is not an interface (`bonding_masters`). */
function readAttribute(name: string, file: string): string | undefined {
  try {
    return readFileSync(`${FOLDER}/${name}/${file}`, 'utf8').trim()
  } catch {
    return undefined
  }
}
