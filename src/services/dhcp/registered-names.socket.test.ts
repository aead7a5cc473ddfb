import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { RegisteredNames } from './registered-names.ts'

const open = (dataFolder: string) => RegisteredNames.open({ dataFolder, log: () => undefined })
const emptyFolder = () => mkdtempSync(join(tmpdir(), 'hamlet-names-'))

test('recorded names are known after a restart, and withdrawn ones are not', async () => {
  const folder = emptyFolder()
  const names = await open(folder)
  await names.record([{ name: 'kettle.home', addresses: ['192.0.2.7'] }, { name: 'teapot.home', addresses: ['192.0.2.8'] }])
  await names.record([{ name: 'kettle.home', addresses: ['192.0.2.7', '192.0.2.9'] }, { name: 'teapot.home', addresses: [] }])
  await names.close()
  const again = await open(folder)
  expect([again.names, again.addressesOf('kettle.home'), again.addressesOf('teapot.home')]).toEqual([['kettle.home'], ['192.0.2.7', '192.0.2.9'], []])
  await again.close()
})

test('the file does not grow with names that come and go, or are recorded again', async () => {
  const folder = emptyFolder()
  const names = await open(folder)
  for (let round = 0; round < 12; round++) {
    for (const addresses of [['192.0.2.7'], ['192.0.2.7'], []]) await names.record(Array.from({ length: 100 }, (_, index) => ({ name: `host-${index}.home`, addresses })))
  }
  await names.close()
  expect(readFileSync(join(folder, 'names.jsonl'), 'utf8').split('\n').length).toBeLessThan(1500)
})

test('a failed write fails again when retried on a closed journal', async () => {
  const names = await open(emptyFolder())
  await names.close()
  const records = [{ name: 'kettle.home', addresses: ['192.0.2.7'] }]
  for (const attempt of [1, 2]) await expect(names.record(records), `attempt ${attempt}`).rejects.toMatchObject({ code: 'refused' })
})
