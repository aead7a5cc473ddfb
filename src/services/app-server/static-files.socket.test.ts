import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readFound } from './file-content.ts'
import type { FoundFile } from './message.ts'
import { StaticFolder } from './static-files.ts'

/** A file is cached once its last change is this long ago. */
const SETTLED_MS = 2_100

let above: string
let root: string
let folder: StaticFolder

beforeEach(async () => {
  above = await mkdtemp(join(tmpdir(), 'hamlet-static-'))
  root = join(above, 'site')
  await mkdir(root)
  folder = await StaticFolder.open(root, () => undefined)
})
afterEach(() => rm(above, { recursive: true }))

async function find(name: string): Promise<FoundFile> {
  const found = await folder.find([name])
  if (found.kind !== 'file') throw new Error(`${name} is ${found.kind}`)
  return found.file
}

async function textOf(name: string, first = 0, last = Infinity): Promise<string> {
  const file = await find(name)
  return String(await readFound(file, first, Math.min(last, file.lengthBytes - 1)))
}

test('an unchanged file is cached, and parts of it are read from memory; a file that has just changed is not', async () => {
  await writeFile(join(root, 'page'), 'one two three')
  expect(await find('page')).not.toBe(await find('page'))
  await sleep(SETTLED_MS)
  const file = await find('page')
  expect(await find('page')).toBe(file)
  expect(await textOf('page')).toBe('one two three')
  // The file is gone, but its bytes are still there: they came from memory.
  await rename(join(root, 'page'), join(root, 'moved'))
  expect([String(await readFound(file, 4, 6)), (await folder.find(['page'])).kind]).toEqual(['two', 'absent'])
})

test('a change is noticed at once: other bytes of the same length and time, another file in its place, another target of a link', async () => {
  await Promise.all(['page', 'other'].map(name => writeFile(join(root, name), `first ${name}`)))
  await writeFile(join(above, 'secret'), 'first page')
  await symlink('page', join(root, 'link'))
  const at = new Date(Date.now() - 60_000)
  await Promise.all([join(root, 'page'), join(root, 'other'), join(above, 'secret')].map(path => utimes(path, at, at)))
  await sleep(SETTLED_MS)
  const before = await find('page')
  expect([await textOf('page'), await textOf('link'), await find('page') === before]).toEqual(['first page', 'first page', true])

  await writeFile(join(root, 'page'), 'again page')
  await utimes(join(root, 'page'), at, at)
  expect([await textOf('page'), await textOf('link')]).toEqual(['again page', 'again page'])

  await rename(join(root, 'other'), join(root, 'page'))
  expect(await textOf('page')).toBe('first other')

  await rm(join(root, 'link'))
  await symlink('../secret', join(root, 'link'))
  expect((await folder.find(['link'])).kind).toBe('absent')
})

test('changing a link swaps the whole site, including cached files', async () => {
  const current = join(above, 'current')
  await mkdir(join(above, 'next'))
  await writeFile(join(root, 'page'), 'old')
  await writeFile(join(above, 'next', 'page'), 'new')
  await sleep(SETTLED_MS)
  await symlink(root, current)
  folder = await StaticFolder.open(current, () => undefined)
  expect([await textOf('page'), await textOf('page')]).toEqual(['old', 'old'])
  await symlink(join(above, 'next'), join(above, 'turned'))
  await rename(join(above, 'turned'), current)
  await rm(root, { recursive: true })
  expect(await textOf('page')).toBe('new')
})

test('long files are not cached in memory', async () => {
  await writeFile(join(root, 'film'), new Uint8Array(64 * 1024 + 1))
  await sleep(SETTLED_MS)
  const file = await find('film')
  expect((await readFound(file, 0, file.lengthBytes - 1))?.length).toBe(file.lengthBytes)
  await rm(join(root, 'film'))
  expect(await readFound(file, 0, file.lengthBytes - 1)).toBeUndefined()
})
