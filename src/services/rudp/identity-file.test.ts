import { createPrivateKey } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { IDENTITY_FILE, identitySecret } from './identity-file.ts'

let folder = ''
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'hamlet-identity-')) })
afterEach(() => rm(folder, { recursive: true }))

test('an identity is created once for all concurrent callers, readable only by its owner', async () => {
  const secrets = await Promise.all(Array.from({ length: 8 }, () => identitySecret(folder)))
  expect(secrets[0]?.length).toBe(32)
  for (const secret of [...secrets, await identitySecret(folder)]) expect(secret).toEqual(secrets[0])
  expect((await stat(join(folder, IDENTITY_FILE))).mode & 0o777).toBe(0o600)
  expect(await readdir(folder)).toEqual([IDENTITY_FILE])
})

test('the file is an X25519 key in PEM, in the form that other programs write', async () => {
  const secret = await identitySecret(folder)
  const key = createPrivateKey(await readFile(join(folder, IDENTITY_FILE)))
  expect([key.asymmetricKeyType, Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url')]).toEqual(['x25519', Buffer.from(secret)])
})

test.each([{ what: 'nothing', text: '' }, { what: 'half a key', text: '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIPNm\n-----END PRIVATE KEY-----\n' },
  { what: 'a signature key', text: '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHcHbQpzGKV9PBbBclGyZkXfTC+H68CZKrF3+6UduSwq\n-----END PRIVATE KEY-----\n' }])(
  'a file that holds $what is refused and left as it is', async ({ text }) => {
    await writeFile(join(folder, IDENTITY_FILE), text)
    await expect(identitySecret(folder)).rejects.toMatchObject({ code: 'file-damaged', parts: { done: 'it was left as it is' } })
    expect(await readFile(join(folder, IDENTITY_FILE), 'utf8')).toBe(text)
  })

test('a missing folder is reported as a failed disk, in one line', async () => {
  await expect(identitySecret(join(folder, 'gone'))).rejects.toMatchObject({ code: 'disk-failed', parts: { why: 'its folder is gone' } })
})
