/** Checks that tests leave no UDP socket open, by what the system reports. Linux only. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { afterEach, beforeEach, expect } from 'vitest'

/** How many UDP sockets this process has open, in any door. */
export function udpHandles(): number {
  const inodes = new Set(['udp', 'udp6'].flatMap(table => readFileSync(`/proc/self/net/${table}`, 'utf8').split('\n').slice(1).map(line => line.trim().split(/\s+/)[9])))
  return readdirSync('/proc/self/fd').map(linkOf).filter(link => inodes.has(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? 'none')).length
}

/** What a descriptor refers to; '' for one that has just been closed. */
function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}

/**
 * Watches every test of a file: after each, `closers` are called, newest first, and then no more UDP sockets may be open than before.
 * @returns the list of closers, and how many sockets were open before the test
 */
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
