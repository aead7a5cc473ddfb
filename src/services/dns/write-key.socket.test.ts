import { chown, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TsigKey } from './core/admin/tsig.ts'
import { formatKey, parseKeys, readKey } from './keys-file.ts'
import { addKey, writeKeyAlone } from './write-key.ts'

const KEY: TsigKey = { name: 'laptop', algorithm: 'hmac-sha256', secret: new Uint8Array(32).fill(7) }
const numbered = (count: number): TsigKey[] => Array.from({ length: count }, (_, index) => ({ ...KEY, name: `key-${index}` }))

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hamlet-keys-'))
  path = join(folder, 'dns.keys')
})
afterEach(() => rm(folder, { recursive: true }))

test('a key is added once, to a file that only its owner can read', async () => {
  expect(await addKey(path, KEY)).toBe('added')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readKey(path)).toMatchObject({ name: 'laptop' })
  expect(await addKey(path, { ...KEY, secret: new Uint8Array(16) })).toBe('there')
  expect((await readKey(path)).secret).toHaveLength(32)
  expect(await addKey(path, { ...KEY, name: 'tablet' })).toBe('added')
  await expect(readKey(path)).rejects.toThrow(/more than one key/)
  expect(await readKey(path, 'Tablet')).toMatchObject({ name: 'tablet' })
  await expect(readKey(path, 'none')).rejects.toThrow(/no key/)
  await expect(readKey(join(folder, 'none'))).rejects.toThrow(/no such file/)
})

test('a file written by the superuser belongs to the owner of the folder, who runs the server', async () => {
  const isSuperuser = process.getuid?.() === 0
  if (isSuperuser) await chown(folder, 4711, 4712)
  const owner = async () => {
    const { uid, gid, mode } = await stat(path)
    return [uid, gid, mode & 0o777]
  }
  const { uid, gid } = await stat(folder)
  await addKey(path, KEY)
  expect(await owner()).toEqual([uid, gid, 0o600])
  if (isSuperuser) await chown(path, 4713, 4714)
  const before = await owner()
  await addKey(path, { ...KEY, name: 'tablet' })
  expect(await owner()).toEqual(before)
})

test('keys added concurrently are all kept, and no temporary file is left', async () => {
  const keys = numbered(8)
  expect(new Set(await Promise.all(keys.map(key => addKey(path, key))))).toEqual(new Set(['added']))
  expect([...parseKeys(await readFile(path, 'latin1')).keys()].sort()).toEqual(keys.map(({ name }) => name))
  expect(await readdir(folder)).toEqual(['dns.keys'])
})

test.each([
  { what: 'as many keys as it can', text: numbered(64).map(formatKey).join(''), why: /more than 64 keys/ },
  { what: 'as many bytes as it can', text: `# ${'x'.repeat(65_500)}\n`, why: /65536 is the limit/ },
])('a file that holds $what refuses another key and stays unchanged', async ({ text, why }) => {
  await writeFile(path, text)
  await expect(addKey(path, KEY)).rejects.toMatchObject({ code: 'refused', parts: { what: 'the key "laptop" could not be added to dns.keys', why: expect.stringMatching(why), done: 'the file is unchanged' } })
  expect(await readFile(path, 'latin1')).toBe(text)
})

test('comments in the file are preserved, in any encoding', async () => {
  await writeFile(path, '# f\u00fcr den T\u00fcrsteher\n')
  await addKey(path, KEY)
  expect(await readFile(path, 'utf8')).toBe(`# f\u00fcr den T\u00fcrsteher\n${formatKey(KEY)}`)
})

test('writeKeyAlone replaces an older key of that name, in a file that only its owner can read', async () => {
  const alone = join(folder, 'laptop.key')
  await writeFile(alone, formatKey({ ...KEY, name: 'LAPTOP', secret: new Uint8Array(32).fill(1) }), { mode: 0o644 })
  await writeKeyAlone(alone, KEY)
  expect([await readFile(alone, 'latin1'), (await stat(alone)).mode & 0o777]).toEqual([formatKey(KEY), 0o600])
  expect(await readdir(folder)).toEqual(['laptop.key'])
})

test.each([
  ['another key', formatKey({ ...KEY, name: 'tablet' })], ['that key and another', formatKey(KEY) + formatKey({ ...KEY, name: 'tablet' })], ['a letter', 'Dear Ophelia'],
])('a file that holds %s is not overwritten', async (_what, text) => {
  const alone = join(folder, 'laptop.key')
  await writeFile(alone, text)
  await expect(writeKeyAlone(alone, KEY)).rejects.toMatchObject({ code: 'usage', parts: { why: 'it holds something other than the key "laptop"' } })
  expect(await readFile(alone, 'latin1')).toBe(text)
})
