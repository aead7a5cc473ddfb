import { expect, test } from 'vitest'
import { HamletError } from '../errors.ts'
import { PerAddress } from './per-address.ts'

/** Doors that record what happens to them; the addresses in `closed` cannot be opened. */
function setUp(closed: Set<string>) {
  const log: string[] = []
  const doors = new PerAddress(async address => {
    if (closed.has(address)) throw new HamletError({ code: 'address-not-local', what: `${address} is not here`, why: 'it is elsewhere', remedy: 'wait' })
    log.push(`open ${address}`)
    return { address, close: async () => void log.push(`close ${address}`) }
  }, text => log.push(text))
  return { doors, log, opened: () => [...doors.all].map(({ address }) => address) }
}

test('doors come and go with the addresses', async () => {
  const { doors, log, opened } = setUp(new Set())
  await doors.openAll(['a', 'b'])
  await doors.follow(['b', 'c'])
  expect(log).toEqual(['open a', 'open b', 'close a', 'open c'])
  expect(opened()).toEqual(['b', 'c'])
  expect([doors.at('a'), doors.at('c')?.address]).toEqual([undefined, 'c'])
})

test('an initial address that cannot be opened is an error, and nothing stays open', async () => {
  const { doors, log, opened } = setUp(new Set(['b']))
  await expect(doors.openAll(['a', 'b'])).rejects.toMatchObject({ code: 'address-not-local' })
  expect(log).toEqual(['open a', 'close a'])
  expect(opened()).toEqual([])
})

test('a later address that cannot be opened is logged once, retried, and logged again only if it was gone in between', async () => {
  const closed = new Set(['b'])
  const { doors, log } = setUp(closed)
  const line = 'b is not here: it is elsewhere. Wait.'
  for (const addresses of [['b'], ['b'], [], ['b']]) await doors.follow(addresses)
  expect(log).toEqual([line, line])
  closed.clear()
  await doors.follow(['b'])
  expect(log).toEqual([line, line, 'open b'])
})

test('a door opened during close is closed too, and none is opened afterwards', async () => {
  const { doors, log, opened } = setUp(new Set())
  const following = doors.follow(['a', 'b'])
  await doors.close()
  await following
  await doors.follow(['c'])
  expect(opened()).toEqual([])
  expect(log.filter(line => line.startsWith('open')).length).toBe(log.filter(line => line.startsWith('close')).length)
})
