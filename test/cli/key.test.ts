import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { emptyFolder, runHamlet } from '../support/hamlet.ts'

test('hamlet key makes a key that only its owner can read, prints where, and never prints the secret', async () => {
  const folder = join(emptyFolder(), 'new')
  const { status, stdout, stderr } = await runHamlet(['key', '--data', folder])
  const file = join(folder, 'dns.keys')
  expect([status, stdout, stderr]).toEqual([0, `${file}\n`, `Made the key "hamlet" in ${file}\n`])
  expect(readFileSync(file, 'latin1')).toMatch(/^key "hamlet" \{\n {2}algorithm hmac-sha256;\n {2}secret "[A-Za-z0-9+/]{43}=";\n\};\n$/)
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('a second key is added to the first, an existing key is kept, and --output contains just one', async () => {
  const folder = emptyFolder()
  const output = join(emptyFolder(), 'tablet.key')
  await runHamlet(['key', '--data', folder])
  expect(await runHamlet(['key', 'tablet', '--data', folder, '--output', output])).toMatchObject({ status: 0, stdout: `${output}\n` })
  const both = readFileSync(join(folder, 'dns.keys'), 'latin1')
  expect(both.match(/^key "(hamlet|tablet)"/gm)).toHaveLength(2)
  expect(both.endsWith(readFileSync(output, 'latin1'))).toBe(true)
  expect((await runHamlet(['key', 'TABLET', '--data', folder])).stderr).toMatch(/^There is already a key "TABLET"/)
  expect(readFileSync(join(folder, 'dns.keys'), 'latin1')).toBe(both)
})

test('no two keys are the same', async () => {
  const [one, other] = [emptyFolder(), emptyFolder()]
  for (const folder of [one, other]) await runHamlet(['key', '--data', folder])
  expect(readFileSync(join(one, 'dns.keys'), 'latin1')).not.toBe(readFileSync(join(other, 'dns.keys'), 'latin1'))
})

test('a file that is not a list of keys is left as it is, and the error names the line', async () => {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'dns.keys'), 'key "a" {\n  algorithm hmac-md5;\n')
  const { status, stderr } = await runHamlet(['key', '--data', folder])
  expect(status).toBe(1)
  expect(stderr).toMatch(/^hamlet: dns\.keys could not be read: the key at line 2: "}" is missing/)
  expect(readFileSync(join(folder, 'dns.keys'), 'latin1')).toContain('hmac-md5')
})

test('an --output file that holds something else is left as it is, and no key is made', async () => {
  const [folder, output] = [emptyFolder(), join(emptyFolder(), 'letter')]
  writeFileSync(output, 'Dear Ophelia')
  const { status, stderr } = await runHamlet(['key', 'tablet', '--data', folder, '--output', output])
  expect([status, stderr]).toEqual([2, expect.stringMatching(/^hamlet: \S+letter cannot be overwritten: it holds something other than the key "tablet"\. [A-Z][^\n]+\n$/)])
  expect([readFileSync(output, 'latin1'), existsSync(join(folder, 'dns.keys'))]).toEqual(['Dear Ophelia', false])
})
