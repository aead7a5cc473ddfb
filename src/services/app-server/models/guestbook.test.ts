import { expect, test } from 'vitest'
import { HamletError } from '../../kit/errors.ts'
import type { Journal } from '../../kit/node/journal.ts'
import { ENTRIES_MAX, Guestbook, guestbookDraft, MESSAGE_LENGTH_MAX, NAME_LENGTH_MAX, type GuestbookEntry } from './guestbook.ts'

/** A journal in memory. Its disk can be made to fail, and only a compaction repairs it. */
class MemoryJournal implements Journal<GuestbookEntry> {
  records: GuestbookEntry[] = []
  diskFails = false
  /** Appends of one turn become durable together, as in a group commit. */
  readonly #group: (() => void)[] = []
  #hasFailed = false

  append(record: GuestbookEntry, done: (error: HamletError | undefined) => void): void {
    this.#hasFailed ||= this.diskFails
    if (this.#hasFailed) return done(failed())
    this.records.push(record)
    if (this.#group.push(() => done(undefined)) === 1) queueMicrotask(() => { for (const finish of this.#group.splice(0)) finish() })
  }

  compact(records: Iterable<GuestbookEntry>): Promise<void> {
    if (this.diskFails) return Promise.reject(failed())
    this.records = [...records]
    this.#hasFailed = false
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function failed(): HamletError {
  return new HamletError({ code: 'disk-failed', what: 'The entry was not written', why: 'the disk failed', remedy: 'look at the disk' })
}

const draft = (message: string) => ({ name: 'Ada', message })

test('the newest entry comes first, with its number and time', async () => {
  const book = new Guestbook(new MemoryJournal(), [])
  await book.sign(draft('first'), 1000.4)
  await book.sign(draft('second'), 2000)
  expect(book.entries()).toEqual([{ id: 2, name: 'Ada', message: 'second', writtenAtMs: 2000 }, { id: 1, name: 'Ada', message: 'first', writtenAtMs: 1000 }])
})

test('a guestbook opened from a journal continues where it ended', async () => {
  const journal = new MemoryJournal()
  await new Guestbook(journal, []).sign(draft('before'), 1)
  const again = new Guestbook(journal, [...journal.records])
  await again.sign(draft('after'), 2)
  expect(again.entries().map(({ id, message }) => [id, message])).toEqual([[2, 'after'], [1, 'before']])
})

test('an entry that is not on disk is not shown, and the next is accepted once the disk works again', async () => {
  const journal = new MemoryJournal()
  const book = new Guestbook(journal, [])
  await book.sign(draft('before'), 1)
  journal.diskFails = true
  for (const message of ['lost', 'lost too']) await expect(book.sign(draft(message), 2)).rejects.toMatchObject({ code: 'disk-failed' })
  expect(book.entries().map(({ message }) => message)).toEqual(['before'])
  journal.diskFails = false
  await book.sign(draft('after'), 3)
  expect(book.entries().map(({ message }) => message)).toEqual(['after', 'before'])
  expect(new Guestbook(journal, journal.records).entries()).toEqual(book.entries())
})

test('an entry is kept and confirmed even if the disk has no room to compact the journal', async () => {
  const journal = new MemoryJournal()
  const book = new Guestbook(journal, Array.from({ length: 2 * ENTRIES_MAX - 1 }, (_, index) => ({ id: index + 1, ...draft('old'), writtenAtMs: 1 })))
  journal.compact = () => Promise.reject(failed())
  expect(await book.sign(draft('new'), 2)).toEqual(book.entries()[0])
})

test('entries signed at the same moment are all kept, even if the journal is compacted meanwhile', async () => {
  const journal = new MemoryJournal()
  const book = new Guestbook(journal, [])
  for (let round = 0; round < 3 * ENTRIES_MAX; round += 7) await Promise.all(Array.from({ length: 7 }, (_, index) => book.sign(draft(String(round + index)), 1)))
  expect(new Guestbook(journal, journal.records).entries()).toEqual(book.entries())
})

test('however many entries are signed, guestbook and journal stay bounded, and the newest are kept', async () => {
  const journal = new MemoryJournal()
  const book = new Guestbook(journal, [])
  const last = 5 * ENTRIES_MAX - 1
  for (let index = 1; index <= last; index++) {
    await book.sign(draft(String(index)), index)
    expect(journal.records.length).toBeLessThan(2 * ENTRIES_MAX)
  }
  const kept = book.entries().map(({ message }) => message)
  expect(kept).toEqual(Array.from({ length: ENTRIES_MAX }, (_, index) => String(last - index)))
  const again = new Guestbook(journal, [...journal.records])
  expect([journal.records.length, again.entries()]).toEqual([2 * ENTRIES_MAX - 1, book.entries()])
  await again.sign(draft('one more'), 1)
  expect(journal.records.map(({ message }) => message)).toEqual([...kept.slice(0, -1).reverse(), 'one more'])
})

test.each([
  [{ name: '  Ada \t Lovelace ', message: ' a\r\nb\u0000\u202e ' }, { name: 'Ada Lovelace', message: 'a\nb' }],
  [{ name: 'n'.repeat(NAME_LENGTH_MAX), message: 'm'.repeat(MESSAGE_LENGTH_MAX) }, { name: 'n'.repeat(NAME_LENGTH_MAX), message: 'm'.repeat(MESSAGE_LENGTH_MAX) }],
])('%j is kept as %j', (typed, kept) => {
  expect(guestbookDraft.parse(typed)).toEqual(kept)
})

test.each([
  [{ name: '', message: 'x' }, 'Please write a name.'],
  [{ name: 'Ada', message: ' \n ' }, 'Please write a message.'],
  [{ name: 'n'.repeat(NAME_LENGTH_MAX + 1), message: 'x' }, `Please write a name of at most ${NAME_LENGTH_MAX} characters.`],
  [{ name: 'Ada', message: 'm'.repeat(MESSAGE_LENGTH_MAX + 1) }, `Please write a message of at most ${MESSAGE_LENGTH_MAX} characters.`],
])('%j is refused with a sentence', (typed, sentence) => {
  expect(guestbookDraft.safeParse(typed).error?.issues.map(({ message }) => message)).toEqual([sentence])
})
