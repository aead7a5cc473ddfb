/** Whether the peer of a connection within this machine still exists. Linux lists which sockets a process holds. */
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'

/** IPv4, and IPv6, whose sockets some programs also use to dial IPv4 addresses. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'] as const

/** @returns undefined if the system does not say */
export async function isPeerGone({ localPort, remotePort }: Pick<Socket, 'localPort' | 'remotePort'>): Promise<boolean | undefined> {
  // proc(5): local address, remote address, state, queues, timer, retransmits, uid, timeout, inode; inode 0 means that
  // no process holds the socket.
  const held = new RegExp(` \\w+:${hex(remotePort)} \\w+:${hex(localPort)} (?:\\S+ +){6}[1-9]`)
  const tables = await Promise.all(TABLES.map(table => readFile(table, 'latin1').catch(() => '')))
  return tables.every(table => table === '') ? undefined : !tables.some(table => held.test(table))
}

function hex(port: number | undefined): string {
  return (port ?? 0).toString(16).toUpperCase().padStart(4, '0')
}
