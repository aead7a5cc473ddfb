/** What a process has open, as the system tells it: for tests that leave nothing behind. Linux. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** UDP sockets that this process has open, whichever door opened them. */
export function udpHandles(): number {
  const inodes = new Set(['udp', 'udp6'].flatMap(table => readFileSync(`/proc/self/net/${table}`, 'utf8').split('\n').slice(1).map(line => line.trim().split(/\s+/)[9])))
  return readdirSync('/proc/self/fd').map(linkOf).filter(link => inodes.has(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? 'none')).length
}

/** Where a descriptor leads; '' for one that was closed meanwhile. */
function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}
