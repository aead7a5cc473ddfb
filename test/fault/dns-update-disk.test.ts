// Dynamic updates while the disk under `hamlet dns` fails, with failures injected into its system calls by strace.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startDns } from '../support/dns-server.ts'
import { emptyFolder, runHamlet } from '../support/hamlet.ts'
import { run } from '../support/namespaces.ts'
import { nsupdate } from '../support/nsupdate.ts'
import { trace } from '../support/strace.ts'

/** The server waits ten seconds before it retries a failed disk. */
const RECOVERS_WITHIN_MS = 30_000

test('while the disk is full an update fails with SERVFAIL and changes nothing, and every NOERROR survives kill -9', async () => {
  const folder = emptyFolder()
  const key = join(emptyFolder(), 'laptop.key')
  await runHamlet(['key', 'laptop', '--data', folder, '--output', key])
  let server = await startDns(folder)
  const add = (name: string) => nsupdate(server.port, [`update add ${name}.home 60 A 192.0.2.1`], '-k', key)
  const isThere = (name: string) => run(undefined, 'dig', '@127.0.0.1', '-p', String(server.port), '+short', `${name}.home`) === '192.0.2.1\n'

  expect(add('before')).toBe('NOERROR')
  const files = ['dns.journal', 'dns.journal.new', 'dns.zone.new'].flatMap(name => ['-P', join(folder, name)])
  const strace = await trace(server.dns.pid, ...files, '-e', 'trace=pwrite64', '-e', 'inject=pwrite64:error=ENOSPC')
  expect([add('failed'), add('failed-too')]).toEqual(['update failed: SERVFAIL', 'update failed: SERVFAIL'])
  expect([isThere('before'), isThere('failed'), isThere('failed-too')]).toEqual([true, false, false])
  await strace.stop()
  await expect.poll(() => add('after'), { timeout: RECOVERS_WITHIN_MS, interval: 500 }).toBe('NOERROR')

  await server.dns.stop('SIGKILL')
  server = await startDns(folder)
  expect(['before', 'after', 'failed', 'failed-too'].map(isThere)).toEqual([true, true, false, false])
  await server.dns.stop()
})
