import { expect, test } from 'vitest'
import { seededRandom } from '../kit/random.ts'
import { ChangeQueue, WAITING_MAX } from './change-queue.ts'
import type { ZoneChange } from './core/zone/zone-change.ts'

const named = (name: string): ZoneChange => ({ change: 'unregister', name })

/** A disk whose writes finish when the test says so. */
class Disk {
  readonly writing: { name: string; end: (error?: Error) => void }[] = []
  readonly written: string[] = []

  readonly make = (change: ZoneChange): Promise<void> => new Promise((resolve, reject) => {
    const name = 'name' in change ? change.name : ''
    this.writing.push({ name, end: error => {
      if (error !== undefined) return reject(error)
      this.written.push(name)
      resolve()
    } })
  })

  async endNext(error?: Error): Promise<void> {
    await expect.poll(() => this.writing.length, { interval: 1 }).toBeGreaterThan(0)
    this.writing.shift()?.end(error)
  }
}

test('plain changes are written concurrently', async () => {
  const disk = new Disk()
  const queue = new ChangeQueue(disk.make)
  const done = Promise.all(['a', 'b', 'c'].map(name => queue.change(named(name))))
  await expect.poll(() => disk.writing.length).toBe(3)
  for (let round = 0; round < 3; round++) await disk.endNext()
  await done
})

test('a decision sees all earlier changes, and nothing comes between it and its own change', async () => {
  const disk = new Disk()
  const queue = new ChangeQueue(disk.make)
  const seen: string[][] = []
  const done = [
    queue.change(named('a')),
    queue.decide(() => { seen.push([...disk.written]); return named('b') }),
    queue.change(named('c')),
    queue.decide(() => { seen.push([...disk.written]); return undefined }),
    queue.decide(() => { seen.push([...disk.written]); return named('d') }),
  ]
  for (let round = 0; round < 4; round++) await disk.endNext()
  await Promise.all(done)
  expect(seen).toEqual([['a'], ['a', 'b', 'c'], ['a', 'b', 'c']])
  expect(disk.written).toEqual(['a', 'b', 'c', 'd'])
})

test('a disk error and a refused decision reach their own callers only, and the next change proceeds', async () => {
  const disk = new Disk()
  const queue = new ChangeQueue(disk.make)
  const failed = queue.decide(() => named('a'))
  const refused = queue.decide(() => { throw new Error('refused') })
  const next = queue.change(named('c'))
  const outcomes = Promise.allSettled([failed, refused, next])
  await disk.endNext(new Error('EIO'))
  await disk.endNext()
  expect((await outcomes).map(outcome => outcome.status === 'rejected' ? String(outcome.reason) : 'done')).toEqual(['Error: EIO', 'Error: refused', 'done'])
})

test('of many decisions that exclude each other only one is made', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed)
    const names = new Set<string>()
    const queue = new ChangeQueue(async change => {
      for (let turn = random.uint32() % 5; turn > 0; turn--) await Promise.resolve()
      if ('name' in change) names.add(change.name)
    })
    let made = 0
    await Promise.all(Array.from({ length: 50 }, () => random.uint32() % 2 === 0
      ? queue.change(named('other'))
      : queue.decide(() => names.has('only') ? undefined : (made++, named('only')))))
    expect(made, `seed ${seed}`).toBe(1)
  }
})

test('changes beyond the limit are refused', async () => {
  const queue = new ChangeQueue(() => new Promise(() => undefined))
  for (let count = 0; count < WAITING_MAX; count++) void queue.change(named('a'))
  await expect(queue.change(named('a'))).rejects.toMatchObject({ code: 'refused' })
  await expect(queue.decide(() => undefined)).rejects.toMatchObject({ code: 'refused' })
})
