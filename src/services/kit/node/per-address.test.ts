import { expect, test } from 'vitest'
import { HamletError } from '../errors.ts'
import { PerAddress } from './per-address.ts'

/** Doors that note what happens to them; addresses of `closed` cannot be opened. */
function setUp(closed: Set<string>) {
  const heard: string[] = []
  const doors = new PerAddress(async address => {
    if (closed.has(address)) throw new HamletError({ code: 'address-not-local', what: `${address} is not here`, why: 'it is elsewhere', remedy: 'wait' })
    heard.push(`open ${address}`)
    return { address, close: async () => void heard.push(`close ${address}`) }
  }, text => heard.push(text))
  return { doors, heard, opened: () => [...doors.all].map(({ address }) => address) }
}

test('doors come and go with the addresses', async () => {
  const { doors, heard, opened } = setUp(new Set())
  await doors.openAll(['a', 'b'])
  await doors.follow(['b', 'c'])
  expect(heard).toEqual(['open a', 'open b', 'close a', 'open c'])
  expect(opened()).toEqual(['b', 'c'])
  expect([doors.at('a'), doors.at('c')?.address]).toEqual([undefined, 'c'])
})

test('one that cannot be opened at first is an error, and nothing stays open', async () => {
  const { doors, heard, opened } = setUp(new Set(['b']))
  await expect(doors.openAll(['a', 'b'])).rejects.toMatchObject({ code: 'address-not-local' })
  expect(heard).toEqual(['open a', 'close a'])
  expect(opened()).toEqual([])
})

test('one that cannot be opened later is said once, tried again, and said again only after it was gone', async () => {
  const closed = new Set(['b'])
  const { doors, heard } = setUp(closed)
  const line = 'b is not here: it is elsewhere. You may wait.'
  for (const addresses of [['b'], ['b'], [], ['b']]) await doors.follow(addresses)
  expect(heard).toEqual([line, line])
  closed.clear()
  await doors.follow(['b'])
  expect(heard).toEqual([line, line, 'open b'])
})

test('what is opened while all are closed is closed too, and nothing is opened afterwards', async () => {
  const { doors, heard, opened } = setUp(new Set())
  const following = doors.follow(['a', 'b'])
  await doors.close()
  await following
  await doors.follow(['c'])
  expect(opened()).toEqual([])
  expect(heard.filter(line => line.startsWith('open')).length).toBe(heard.filter(line => line.startsWith('close')).length)
})
