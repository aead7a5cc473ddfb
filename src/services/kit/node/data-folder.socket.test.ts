import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeDataFolder } from './data-folder.ts'

let folder: string
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'hamlet-folder-')) })
afterEach(() => rm(folder, { recursive: true }))

test('a missing folder is created, and an existing one stays as it is', async () => {
  await makeDataFolder(join(folder, 'a', 'b'))
  await makeDataFolder(join(folder, 'a'))
  expect(await readdir(join(folder, 'a'))).toEqual(['b'])
})

test('the error for a file in the place of the folder says so', async () => {
  await writeFile(join(folder, 'file'), '')
  await expect(makeDataFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'folder-missing', parts: { why: 'a file of that name is in the way', remedy: 'choose another folder with --data' } })
  await expect(makeDataFolder(join(folder, 'file', 'below'))).rejects.toMatchObject({ code: 'folder-missing', parts: { why: 'a part of its path is a file' } })
})

test('the error for a folder that may not be created says so', async () => {
  await chmod(folder, 0o755)
  await mkdir(join(folder, 'shut'), { mode: 0o500 })
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(65_534) // Root may write anywhere.
  try {
    await expect(makeDataFolder(join(folder, 'shut', 'below'))).rejects.toMatchObject({ code: 'folder-missing', parts: { why: 'this user lacks permission' } })
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
})
