import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../kit/node/clock.ts'
import type { TsigKey } from './core/admin/tsig.ts'
import { formatKey, Keyring, parseKeys } from './keys-file.ts'
import { addKey } from './write-key.ts'

const SECRET = 'MDEyMzQ1Njc4OWFiY2RlZg=='
const KEY: TsigKey = { name: 'laptop', algorithm: 'hmac-sha256', secret: new Uint8Array(32).fill(7) }

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hamlet-keys-'))
  path = join(folder, 'dns.keys')
})
afterEach(() => rm(folder, { recursive: true }))

test('BIND\'s syntax is parsed: three kinds of comments, optional quotes, several keys', () => {
  const keys = parseKeys(`// made by hand\n# for home\nkey "Laptop.home." { algorithm hmac-sha256; secret "${SECRET}"; };\n/* two\nlines */ key b{secret "${SECRET}";algorithm HMAC-SHA512;};`)
  expect([...keys]).toMatchObject([['laptop.home', { algorithm: 'hmac-sha256' }], ['b', { algorithm: 'hmac-sha512' }]])
  expect(Buffer.from(keys.get('b')?.secret ?? []).toString()).toBe('0123456789abcdef')
})

test('a formatted key parses to itself', () => {
  expect([...parseKeys(formatKey(KEY)).values()].map(({ secret, ...rest }) => ({ ...rest, secret: new Uint8Array(secret) }))).toEqual([KEY])
})

test.each([
  ['options { };', /"key" is missing/], ['key "a" { algorithm hmac-md5; secret "x"; };', /algorithm is not one of hmac-sha256/],
  ['key "a" { algorithm hmac-sha256; };', /not base64/], ['key "a" { algorithm hmac-sha256; secret "MDEy"; };', /3 octets, fewer than 16/],
  [`key "a" { algorithm hmac-sha256; secret "${SECRET}" };`, /";" is missing/], [`key "a..b" { algorithm hmac-sha256; secret "${SECRET}"; };`, /label is empty/],
  [`key "a" { algorithm hmac-sha256; secret "${SECRET}`, /quotation mark/], [formatKey(KEY) + formatKey({ ...KEY, name: 'LAPTOP' }), /line 5: the key "LAPTOP" is defined twice/],
  ['key "a" {', /"}" is missing/],
])('%s is rejected, and the error does not contain the secret', (text, reason) => {
  expect(() => parseKeys(text)).toThrow(reason)
  expect(() => parseKeys(text)).not.toThrow(SECRET)
})

test('a server picks up new keys, keeps the old ones while the file is broken, and drops removed ones', async () => {
  const logs: string[] = []
  const troubles: (string | undefined)[] = []
  // The timer fires only when the test says so.
  let wake = () => {}
  const clock = { nowMs: systemClock.nowMs, wakeAt: (_atMs: number, next: () => void) => { wake = next; return () => undefined } }
  const keyring = new Keyring({ folder, clock, log: text => logs.push(text), onTrouble: sentence => troubles.push(sentence) })
  const looked = async (seen: () => boolean) => {
    wake()
    await expect.poll(seen).toBe(true)
  }
  await keyring.watch()
  expect(keyring.keyOf('laptop')).toBeUndefined()
  await addKey(path, KEY)
  await looked(() => keyring.keyOf('LAPTOP') !== undefined)
  await writeFile(path, 'key "laptop" {')
  await looked(() => troubles.length === 2)
  expect(troubles[1]).toMatch(/dns\.keys could not be read: the key at line 1/)
  expect(keyring.keyOf('laptop')).toBeDefined()
  await rm(path)
  await looked(() => keyring.keyOf('laptop') === undefined)
  expect(logs.join('\n')).not.toContain(Buffer.from(KEY.secret).toString('base64'))
  keyring.close()
})
