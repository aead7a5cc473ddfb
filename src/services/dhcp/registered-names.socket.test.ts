import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { RegisteredNames } from './registered-names.ts'

const open = (dataFolder: string) => RegisteredNames.open({ dataFolder, log: () => undefined })
const emptyFolder = () => mkdtempSync(join(tmpdir(), 'hamlet-told-'))

test('what is noted is known after a restart, and what is over is not', async () => {
  const folder = emptyFolder()
  const told = await open(folder)
  await told.note([{ name: 'kettle.home', addresses: ['192.0.2.7'] }, { name: 'teapot.home', addresses: ['192.0.2.8'] }])
  await told.note([{ name: 'kettle.home', addresses: ['192.0.2.7', '192.0.2.9'] }, { name: 'teapot.home', addresses: [] }])
  await told.close()
  const again = await open(folder)
  expect([again.names, again.addressesOf('kettle.home'), again.addressesOf('teapot.home')]).toEqual([['kettle.home'], ['192.0.2.7', '192.0.2.9'], []])
  await again.close()
})

test('the file does not grow with names that come and go, nor with what was noted already', async () => {
  const folder = emptyFolder()
  const told = await open(folder)
  for (let round = 0; round < 12; round++) {
    for (const addresses of [['192.0.2.7'], ['192.0.2.7'], []]) await told.note(Array.from({ length: 100 }, (_, index) => ({ name: `host-${index}.home`, addresses })))
  }
  await told.close()
  expect(readFileSync(join(folder, 'names.jsonl'), 'utf8').split('\n').length).toBeLessThan(1500)
})

test('what the disk did not take is no more noted the second time than the first', async () => {
  const told = await open(emptyFolder())
  await told.close()
  const names = [{ name: 'kettle.home', addresses: ['192.0.2.7'] }]
  for (const attempt of [1, 2]) await expect(told.note(names), `attempt ${attempt}`).rejects.toMatchObject({ code: 'refused' })
})
