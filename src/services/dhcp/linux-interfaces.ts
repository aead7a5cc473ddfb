/** The interfaces of this machine as Linux lists them under /sys/class/net: all of them, while node:os lists those with an address. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'

const FOLDER = '/sys/class/net'
/** Bits of `flags`, from <linux/if.h>. */
const FLAG = { broadcast: 0x2, loopback: 0x8 } as const
/** Of `operstate` (RFC 2863 §3.1.14); some drivers never tell. */
const HAS_LINK = ['up', 'unknown']

export interface LinuxInterface {
  readonly name: string
  readonly loopback: boolean
  /** Can send a broadcast now: it has a link, and is no part of a bridge or bond, which sends for its parts. */
  readonly broadcasts: boolean
}

/** None where /sys is hidden, as in some containers. */
export function linuxInterfaces(): LinuxInterface[] {
  if (!existsSync(FOLDER)) return []
  return readdirSync(FOLDER).flatMap(name => {
    const flags = Number(told(name, 'flags'))
    const broadcasts = (flags & FLAG.broadcast) !== 0 && HAS_LINK.includes(told(name, 'operstate') ?? '') && !existsSync(`${FOLDER}/${name}/master`)
    return Number.isNaN(flags) ? [] : [{ name, loopback: (flags & FLAG.loopback) !== 0, broadcasts }]
  })
}

/** Undefined: the interface is gone meanwhile, or the entry is none (`bonding_masters`). */
function told(name: string, file: string): string | undefined {
  try {
    return readFileSync(`${FOLDER}/${name}/${file}`, 'utf8').trim()
  } catch {
    return undefined
  }
}
