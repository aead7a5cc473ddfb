/** Whether anybody is left at the other end of a connection within this computer: Linux tells which socket belongs to a program. */
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'

/** Of IPv4, and of IPv6, by which some programs dial IPv4 addresses too. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'] as const

/** Undefined where the system does not tell. */
export async function isAbandoned({ localPort, remotePort }: Pick<Socket, 'localPort' | 'remotePort'>): Promise<boolean | undefined> {
  // proc(5): its local address, its remote one, state, queues, timer, retransmits, user, timeout, inode: 0 where no program holds it any more.
  const held = new RegExp(` \\w+:${hex(remotePort)} \\w+:${hex(localPort)} (?:\\S+ +){6}[1-9]`)
  const tables = await Promise.all(TABLES.map(table => readFile(table, 'latin1').catch(() => '')))
  return tables.every(table => table === '') ? undefined : !tables.some(table => held.test(table))
}

function hex(port: number | undefined): string {
  return (port ?? 0).toString(16).toUpperCase().padStart(4, '0')
}
