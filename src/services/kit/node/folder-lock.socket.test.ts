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

/** Another process that takes the lock and keeps it; `says` is `held`, or the error's code. */
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

test('a second holder in the same process is refused, until the first lets go', async () => {
  const first = await lockFolder(folder, 'dns')
  await expect(lockFolder(folder, 'dns')).rejects.toMatchObject({ code: 'folder-locked' })
  await first.release()
  const second = await lockFolder(folder, 'dns')
  await second.release()
  expect(await readdir(folder)).toEqual([])
})

test('whoever comes second learns pid and command of the holder', async () => {
  const { child, says } = await otherProcess('dns')
  expect(says).toBe('held')
  await expect(lockFolder(folder, 'dns')).rejects.toMatchObject({
    code: 'folder-locked',
    parts: {
      what: `the data folder ${folder} is in use for dns`, why: expect.stringMatching(new RegExp(`^\\S*node.* yorick \\(pid ${child.pid}\\) holds it$`)),
      remedy: 'stop that one, or give this one another folder with --data', proof: `pid ${child.pid}, ${folder}`,
    },
  })
})

test('each service has a lock of its own in a shared folder', async () => {
  const held = await Promise.all(['dns', 'dhcp', 'app-server', 'client'].map(service => lockFolder(folder, service)))
  for (const lock of held) await lock.release()
})

test('a folder is the same by any of its names', async () => {
  const held = await lockFolder(folder, 'dns')
  const alias = join(folder, 'alias')
  await symlink(folder, alias)
  await expect(lockFolder(alias, 'dns')).rejects.toMatchObject({ code: 'folder-locked' })
  await held.release()
})

test('the lock of a process that was killed is free, and what it left is cleared away', async () => {
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
  await expect(lockFolder(folder, 'dns')).rejects.toMatchObject({ code: 'folder-locked', parts: { why: 'another Hamlet, which does not answer, holds it' } })
  child.kill('SIGCONT')
})

test('of many starters at once exactly one wins, over what a killed one left', async () => {
  const { child } = await otherProcess('dns')
  child.kill('SIGKILL')
  await once(child, 'exit')
  for (let round = 0; round < 25; round++) {
    const starters = await Promise.allSettled(Array.from({ length: 2 + round % 7 }, () => lockFolder(folder, 'dns')))
    const winners = starters.filter((starter): starter is PromiseFulfilledResult<FolderLock> => starter.status === 'fulfilled')
    expect(winners).toHaveLength(1)
    for (const starter of starters) if (starter.status === 'rejected') expect(starter.reason).toMatchObject({ code: 'folder-locked' })
    await winners[0]?.value.release()
  }
  expect(await readdir(folder)).toEqual([])
})

test('of three processes started at once exactly one wins', async () => {
  const said = await Promise.all([otherProcess('dns'), otherProcess('dns'), otherProcess('dns')])
  expect(said.map(({ says }) => says).sort()).toEqual(['folder-locked', 'folder-locked', 'held'])
})

test('a folder whose path is too long for a socket is locked all the same', async () => {
  const deep = join(folder, 'd'.repeat(100), 'e'.repeat(100))
  await mkdir(deep, { recursive: true })
  const lock = await lockFolder(deep, 'dns')
  await symlink(deep, join(folder, 'short'))
  for (const name of [deep, join(folder, 'short')]) await expect(lockFolder(name, 'dns')).rejects.toMatchObject({ code: 'folder-locked' })
  await lock.release()
  await (await lockFolder(deep, 'dns')).release()
})

test('a folder that may not be written is said so', async () => {
  await chmod(folder, 0o755)
  await mkdir(join(folder, 'shut'), { mode: 0o500 })
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(65_534) // Root may write anywhere.
  try {
    await expect(lockFolder(join(folder, 'shut'), 'dns')).rejects.toMatchObject({ code: 'folder-missing', parts: { why: 'this user lacks the permission' } })
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
})
