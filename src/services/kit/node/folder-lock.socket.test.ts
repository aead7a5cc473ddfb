import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockFolder, type FolderLock } from './folder-lock.ts'

let folder = ''
const children: ChildProcess[] = []

beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'hamlet-lock-')) })
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await chmod(folder, 0o700)
  await rm(folder, { recursive: true })
})

const lockFile = fileURLToPath(new URL('./folder-lock.ts', import.meta.url))

/** Another process that tries to acquire the lock and keeps it; `says` is `held`, or the code of the error. */
async function otherProcess(service: string): Promise<{ child: ChildProcess; says: string }> {
  const script = `
    import { lockFolder } from ${JSON.stringify(lockFile)}
    setInterval(() => undefined, 1000)
    lockFolder(${JSON.stringify(folder)}, ${JSON.stringify(service)}).then(() => console.log('held'), error => console.log(error.code))`
  const child = spawn(process.execPath, ['--experimental-transform-types', '--no-warnings', '--input-type=module', '--eval', script, 'yorick'], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [said] = await once(child.stdout, 'data')
  return { child, says: String(said).trim() }
}

const locks = async () => (await readdir(folder)).filter(name => name.endsWith('.lock'))

test('a second holder in the same process is refused until the first releases the lock', async () => {
  const first = await lockFolder(folder, 'dns')
  await expect(lockFolder(folder, 'dns')).rejects.toMatchObject({ code: 'folder-locked' })
  await first.release()
  const second = await lockFolder(folder, 'dns')
  await second.release()
  expect(await readdir(folder)).toEqual([])
})

test('a second process learns the pid and command of the holder', async () => {
  const { child, says } = await otherProcess('dns')
  expect(says).toBe('held')
  await expect(lockFolder(folder, 'dns')).rejects.toMatchObject({
    code: 'folder-locked',
    parts: {
      what: `the data folder ${folder} is already in use for dns`, why: expect.stringMatching(new RegExp(`^it is locked by \\S*node.* yorick \\(pid ${child.pid}\\)$`)),
      remedy: 'stop that process, or choose another folder with --data', proof: `pid ${child.pid}, ${folder}`,
    },
  })
})

test('each service has its own lock in a shared folder', async () => {
  const held = await Promise.all(['dns', 'dhcp', 'app-server', 'client'].map(service => lockFolder(folder, service)))
  for (const lock of held) await lock.release()
})

test('all paths to a folder share its locks', async () => {
  const held = await lockFolder(folder, 'dns')
  const alias = join(folder, 'alias')
  await symlink(folder, alias)
  await expect(lockFolder(alias, 'dns')).rejects.toMatchObject({ code: 'folder-locked' })
  await held.release()
})

test('the lock of a killed process is free, and its socket file is removed', async () => {
  const { child } = await otherProcess('dns')
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await locks()).toHaveLength(1)
  const lock = await lockFolder(folder, 'dns')
  expect(await locks()).toEqual([expect.stringMatching(`^dns\\.${process.pid}-`)])
  await lock.release()
})

test('a process that is stopped and cannot answer still holds its lock', async () => {
  const { child } = await otherProcess('dns')
  child.kill('SIGSTOP')
  await expect(lockFolder(folder, 'dns')).rejects.toMatchObject({ code: 'folder-locked', parts: { why: 'it is locked by another Hamlet, which does not answer' } })
  child.kill('SIGCONT')
})

test('of many concurrent candidates exactly one wins, even after one was killed', async () => {
  const { child } = await otherProcess('dns')
  child.kill('SIGKILL')
  await once(child, 'exit')
  for (let round = 0; round < 25; round++) {
    const candidates = await Promise.allSettled(Array.from({ length: 2 + round % 7 }, () => lockFolder(folder, 'dns')))
    const winners = candidates.filter((candidate): candidate is PromiseFulfilledResult<FolderLock> => candidate.status === 'fulfilled')
    expect(winners).toHaveLength(1)
    for (const candidate of candidates) if (candidate.status === 'rejected') expect(candidate.reason).toMatchObject({ code: 'folder-locked' })
    await winners[0]?.value.release()
  }
  expect(await readdir(folder)).toEqual([])
})

test('of three processes started at the same time exactly one wins', async () => {
  const said = await Promise.all([otherProcess('dns'), otherProcess('dns'), otherProcess('dns')])
  expect(said.map(({ says }) => says).sort()).toEqual(['folder-locked', 'folder-locked', 'held'])
})

test('a folder whose path is too long for a socket can be locked too', async () => {
  const deep = join(folder, 'd'.repeat(100), 'e'.repeat(100))
  await mkdir(deep, { recursive: true })
  const lock = await lockFolder(deep, 'dns')
  await symlink(deep, join(folder, 'short'))
  for (const name of [deep, join(folder, 'short')]) await expect(lockFolder(name, 'dns')).rejects.toMatchObject({ code: 'folder-locked' })
  await lock.release()
  await (await lockFolder(deep, 'dns')).release()
})

test('the error for a folder that is not writable says so', async () => {
  await chmod(folder, 0o755)
  await mkdir(join(folder, 'shut'), { mode: 0o500 })
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(65_534) // Root may write anywhere.
  try {
    await expect(lockFolder(join(folder, 'shut'), 'dns')).rejects.toMatchObject({ code: 'folder-missing', parts: { why: 'this user lacks permission' } })
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
})
