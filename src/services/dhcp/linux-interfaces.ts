/** The interfaces of this machine as Linux lists them under /sys/class/net: all of them, while node:os lists those with an address. */
import { readdirSync, readFileSync } from 'node:fs'

const FOLDER = '/sys/class/net'
/** Bits of `flags`, from <linux/if.h>. */
const FLAG = { loopback: 0x8 } as const

export interface LinuxInterface {
  readonly name: string
  readonly loopback: boolean
}

export function linuxInterfaces(): LinuxInterface[] {
  return readdirSync(FOLDER).flatMap(name => {
    const flags = Number(told(name, 'flags'))
    return Number.isNaN(flags) ? [] : [{ name, loopback: (flags & FLAG.loopback) !== 0 }]
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
