/** What a process has open, as the system tells it: for tests that leave nothing behind. Linux. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { afterEach, beforeEach, expect } from 'vitest'

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

/** Watches every test of a file. @returns where to put what is to be closed after a test, newest first; then no more UDP sockets may be open than before it */
export function closedAfterEach(): { readonly closers: (() => Promise<unknown>)[]; handlesBefore(): number } {
  const closers: (() => Promise<unknown>)[] = []
  let handles = 0
  beforeEach(() => { handles = udpHandles() })
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
    await expect.poll(udpHandles, { timeout: 8000 }).toBe(handles)
  })
  return { closers, handlesBefore: () => handles }
}
