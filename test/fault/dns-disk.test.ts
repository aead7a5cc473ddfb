// Disk failures under `hamlet dns`, injected into its system calls by strace.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { addressIn, encodeQuery, rcodeIn, TYPE_A } from '../support/dns-bytes.ts'
import { startDns, type RunningDns } from '../support/dns-server.ts'
import { emptyFolder } from '../support/hamlet.ts'
import { trace } from '../support/strace.ts'
import { askByUdp, askBytesByUdp } from '../support/udp.ts'

const NXDOMAIN = 3
/** The server waits ten seconds before it retries a failed disk. */
const RECOVERS_WITHIN_MS = 30_000
/** strace counts calls per thread: with a single file thread, the first call is the first overall. */
const ONE_FILE_THREAD = { environment: { UV_THREADPOOL_SIZE: '1' } }

let folder: string
let server: RunningDns
beforeEach(async () => {
  folder = emptyFolder()
  server = await startDns(folder, [], ONE_FILE_THREAD)
})
afterEach(() => server.dns.stop('SIGKILL'))

const addressOf = (n: number) => `192.0.2.${n}`
const register = (name: string, n: number) => askByUdp(server.adminPort, `REGISTER ${name}.home ${addressOf(n)}`)
const lookUp = (name: string) => askBytesByUdp(server.port, encodeQuery(1, `${name}.home`, TYPE_A))
const names = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`)

async function expectKnown(known: readonly string[], unknown: readonly string[]): Promise<void> {
  for (const name of known) expect(addressIn(await lookUp(name)), name).toBe(addressOf(known.indexOf(name)))
  for (const name of unknown) expect(rcodeIn(await lookUp(name)), name).toBe(NXDOMAIN)
}

/** Checks what the disk holds after kill -9. */
async function expectKnownAfterKill(known: readonly string[], unknown: readonly string[]): Promise<void> {
  await server.dns.stop('SIGKILL')
  server = await startDns(folder)
  await expectKnown(known, unknown)
}

test('a failed fdatasync (EIO) is answered with ERROR, and nothing is acknowledged until the journal is a new file', async () => {
  const before = names('before', 5)
  for (const [n, name] of before.entries()) expect(await register(name, n)).toMatch(/^OK /)
  const journal = join(folder, 'dns.journal')
  const firstInode = statSync(journal).ino
  // dns.zone is written next, and the journal starts anew: after that, nothing is due that would rewrite it early.
  await expect.poll(() => statSync(journal).ino, { timeout: RECOVERS_WITHIN_MS }).not.toBe(firstInode)
  const inode = statSync(journal).ino
  const strace = await trace(server.dns.pid, '-e', 'trace=fdatasync', '-e', 'inject=fdatasync:error=EIO:when=1')

  const failed = names('failed', 20)
  for (const reply of await Promise.all(failed.map(name => register(name, 99)))) expect(reply).toMatch(/^ERROR .*the disk reports an I\/O error/)
  await expectKnown(before, failed)
  let errors = 0
  await expect.poll(async () => {
    const oldFile = statSync(journal).ino === inode
    const reply = await register('after', before.length)
    if (reply.startsWith('OK')) expect(oldFile, 'acknowledged in the file that had failed').toBe(false)
    else errors++
    return reply
  }, { timeout: RECOVERS_WITHIN_MS, interval: 200 }).toMatch(/^OK /)
  expect(errors).toBeGreaterThan(0)

  const calls = await strace.stop()
  expect(calls.filter(({ text }) => text.includes('EIO')), 'strace failed one call').toHaveLength(1)
  await expectKnownAfterKill([...before, 'after'], failed)
})

test('a full disk (ENOSPC) is answered with ERROR, queries are answered meanwhile, and the server recovers once there is space again', async () => {
  const before = names('before', 5)
  for (const [n, name] of before.entries()) expect(await register(name, n)).toMatch(/^OK /)
  const files = ['dns.journal', 'dns.journal.new', 'dns.zone.new'].flatMap(name => ['-P', join(folder, name)])
  const strace = await trace(server.dns.pid, ...files, '-e', 'trace=pwrite64', '-e', 'inject=pwrite64:error=ENOSPC')

  const failed = names('failed', 20)
  for (const name of failed) expect(await register(name, 99)).toMatch(/^ERROR .*the disk is full/)
  await server.dns.line(/dns\.zone could not be written: the disk is full/, 'stderr')
  await expectKnown(before, failed)
  expect(await register('still-failed', 99)).toMatch(/^ERROR .*the disk is full/)

  await strace.stop()
  await expect.poll(() => register('after', before.length), { timeout: RECOVERS_WITHIN_MS, interval: 200 }).toMatch(/^OK /)
  await expectKnownAfterKill([...before, 'after'], [...failed, 'still-failed'])
})

test('no OK is sent before the fdatasync that covers its record has returned', async () => {
  const strace = await trace(server.dns.pid, '-e', 'trace=pwrite64,fdatasync,sendmsg,sendmmsg', '-e', 'inject=fdatasync:delay_exit=2000')
  const registered = names('name', 200)
  for (let at = 0; at < registered.length; at += 10) await Promise.all(registered.slice(at, at + 10).map(name => register(name, at)))
  // An OK can arrive before strace has seen its send call return. The server continues only after that, so one more reply proves it.
  expect(await register('last', 0)).toMatch(/^OK /)
  const calls = await strace.stop()
  const syncs = calls.filter(({ name, text }) => name === 'fdatasync' && /dns\.journal>.*= 0\b/.test(text))
  for (const name of registered) {
    const write = calls.find(call => call.name === 'pwrite64' && call.text.includes(`\\"${name}.home\\"`))
    const send = calls.find(call => call.name.startsWith('send') && call.text.includes(`OK ${name}.home A`))
    expect(write, `${name} is written`).toBeDefined()
    expect(send, `${name} is acknowledged`).toBeDefined()
    const sync = syncs.find(({ began }) => began > (write?.ended ?? Infinity))
    expect(sync?.ended, `${name} is synced before it is acknowledged`).toBeLessThan(send?.began ?? 0)
  }
})
