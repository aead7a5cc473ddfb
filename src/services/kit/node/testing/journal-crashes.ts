/**
 * Runs a journal through crashes: it appends and compacts on a simulated disk until the machine stops, is reopened on what the crash has
 * left, and so on. After every crash two things must hold: no acknowledged record is lost, and no record is read that was never appended.
 */
import { z } from 'zod'
import { assert, HamletError } from '../../errors.ts'
import { below, seededRandom, type Random } from '../../random.ts'
import { errnoOf } from '../disk.ts'
import { openJournal, type Journal } from '../journal.ts'
import { SimDisk } from './sim-disk.ts'

const LIVES = 4
const OPERATIONS_A_LIFE_MAX = 120
const TURNS_A_LIFE = 12
const KEYS = 4

const record = z.object({ key: z.string(), n: z.int() })
type Entry = z.output<typeof record>

export interface Habits {
  /** The owner updates its memory when it appends, not when the append is acknowledged. */
  readonly appliesFirst: boolean
  /** The disk fails occasionally, in every other life. */
  readonly withFaults: boolean
}

/** What the journal's owner knows. `n` rises with every append, so the highest one of a key counts. */
interface Owner extends Habits {
  readonly random: Random
  /** The value of each key in memory, which a compaction writes. */
  readonly memory: Map<string, number>
  readonly acknowledged: Map<string, number>
  readonly appended: Map<number, string>
}

/**
 * Runs four lives and checks what the last one has left.
 * @returns how many of them ended in a crash
 * @throws Error saying what was lost or invented
 */
export async function surviveCrashes(seed: number, habits: Habits): Promise<number> {
  const owner: Owner = { ...habits, random: seededRandom(seed), memory: new Map(), acknowledged: new Map(), appended: new Map() }
  let disk = new SimDisk(owner.random)
  let crashes = 0
  for (let life = 0; life < LIVES; life++) {
    disk.stepsToLive = 1 + below(owner.random, OPERATIONS_A_LIFE_MAX)
    const faulty = habits.withFaults && below(owner.random, 2) === 0
    if (faulty) disk.fault = operation => operation !== 'read' && below(owner.random, 25) === 0 ? Object.assign(new Error('EIO'), { code: 'EIO' }) : undefined
    const lived = openAndCheck(disk, owner).then(journal => work(journal, owner))
    await Promise.race([faulty ? lived.catch(onlyOfTheDisk) : lived, disk.stopped])
    if (disk.stepsToLive < 0) crashes++
    disk = disk.afterCrash()
  }
  await (await openAndCheck(disk, owner)).close()
  return crashes
}

async function openAndCheck(disk: SimDisk, owner: Owner): Promise<Journal<Entry>> {
  const { journal, records } = await openJournal({ folder: '/data', name: 'names.jsonl', parse: value => record.parse(value), disk })
  const read = new Map(records.map(({ key, n }) => [key, n]))
  for (const { key, n } of records) assert(owner.appended.get(n) === key, `${key} = ${n} was read and never appended`)
  for (const [key, n] of owner.acknowledged) assert((read.get(key) ?? -1) >= n, `${key} = ${n} was acknowledged, and ${read.get(key) ?? 'nothing'} was read`)
  owner.memory.clear()
  for (const [key, n] of read) owner.memory.set(key, n)
  return journal
}

/** Appends and compacts at random until the machine stops or the work is done. */
async function work(journal: Journal<Entry>, owner: Owner): Promise<void> {
  const { random, memory } = owner
  for (let turn = 0; turn < TURNS_A_LIFE; turn++) {
    const burst = Array.from({ length: 1 + below(random, 4) }, () => append(journal, owner))
    if (below(random, 5) === 0) burst.push(journal.compact([...memory].map(([key, n]) => ({ key, n }))).catch(() => undefined))
    if (below(random, 3) === 0) await Promise.all(burst)
    else for (let steps = below(random, 12); steps > 0; steps--) await Promise.resolve()
  }
  await journal.close()
}

/** Returns when the append is done, successfully or not. */
function append(journal: Journal<Entry>, { random, memory, acknowledged, appended, appliesFirst }: Owner): Promise<void> {
  const entry = { key: `k${below(random, KEYS)}`, n: appended.size }
  appended.set(entry.n, entry.key)
  if (appliesFirst) memory.set(entry.key, entry.n)
  return new Promise(resolve => journal.append(entry, error => {
    resolve()
    if (error !== undefined) return
    if (!appliesFirst) memory.set(entry.key, entry.n)
    acknowledged.set(entry.key, entry.n)
  }))
}

/** A disk error while the journal is opened or closed is expected, and the next life must still find everything. */
function onlyOfTheDisk(error: unknown): void {
  if (errnoOf(error) === 'EIO' || (error instanceof HamletError && error.code === 'disk-failed')) return
  throw error
}
