/** Which program uses a port: read from /proc on Linux; "another program" elsewhere, or if reading is not permitted. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

const PROCESSES_MAX = 20_000

/** `dnsmasq (pid 312)`, or `another program` if the system does not say. Reads synchronously: for the text of an error only. */
export function portOwner(transport: 'udp' | 'tcp', port: number): string {
  try {
    const inodes = new Set([...socketInodes(`/proc/net/${transport}`, transport, port), ...socketInodes(`/proc/net/${transport}6`, transport, port)])
    for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name)).slice(0, PROCESSES_MAX)) {
      if (holdsOneOf(pid, inodes)) return `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} (pid ${pid})`
    }
  } catch { /* No /proc, or a process that has just ended: the owner stays unknown. */ }
  return 'another program'
}

function socketInodes(table: string, transport: 'udp' | 'tcp', port: number): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0')
  const LISTENING = '0A'
  return readFileSync(table, 'utf8').split('\n').slice(1).map(line => line.trim().split(/\s+/))
    .filter(fields => fields[1]?.endsWith(`:${hexPort}`) === true && (transport === 'udp' || fields[3] === LISTENING))
    .map(fields => fields[9] ?? '')
}

function holdsOneOf(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some(fd => {
      try {
        return inodes.has(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? '-')
      } catch {
        return false
      }
    })
  } catch {
    return false
  }
}
