import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeDataFolder } from './data-folder.ts'
import { makeFolder } from './make-folder.ts'

let above = ''
beforeEach(async () => { above = await mkdtemp(join(tmpdir(), 'hamlet-make-')) })
afterEach(() => rm(above, { recursive: true }))

test('a folder is created with its parents, even by several calls at once, and an existing one stays', async () => {
  const folder = join(above, 'a', 'b', 'c')
  await Promise.all([makeFolder(folder), makeFolder(folder), makeFolder(folder)])
  await writeFile(join(folder, 'file'), '')
  await makeFolder(folder)
  expect(await readdir(folder)).toEqual(['file'])
  await symlink(folder, join(above, 'link'))
  await makeFolder(join(above, 'link'))
})

test('a file in the way is reported by its errno', async () => {
  await writeFile(join(above, 'file'), '')
  await expect(makeFolder(join(above, 'file'))).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(makeFolder(join(above, 'file', 'a', 'b'))).rejects.toMatchObject({ code: 'ENOTDIR' })
})

test('where the system allows no folder, the call fails and does not hang', async () => {
  await expect(makeFolder('/proc/hamlet/data')).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(makeDataFolder('/proc/hamlet')).rejects.toMatchObject({ code: 'folder-missing', parts: { why: 'the system allows no folder there' } })
})
