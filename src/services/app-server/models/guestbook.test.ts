import { expect, test } from 'vitest'
import { HamletError } from '../../kit/errors.ts'
import type { Journal } from '../../kit/node/journal.ts'
import { ENTRIES_MAX, Guestbook, guestbookDraft, MESSAGE_LENGTH_MAX, NAME_LENGTH_MAX, type GuestbookEntry } from './guestbook.ts'

/** A journal in memory; its disk can be made to fail. */
class MemoryJournal implements Journal<GuestbookEntry> {
  records: GuestbookEntry[] = []
  fails = false

  append(record: GuestbookEntry, done: (error: HamletError | undefined) => void): void {
    if (this.fails) return done(new HamletError({ code: 'disk-failed', what: 'The entry was not written', why: 'the disk failed', remedy: 'look at the disk' }))
    this.records.push(record)
    done(undefined)
  }

  compact(records: Iterable<GuestbookEntry>): Promise<void> {
    this.records = [...records]
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

const draft = (message: string) => ({ name: 'Ada', message })

test('the newest entry stands first, with its number and time', async () => {
  const book = new Guestbook(new MemoryJournal(), [])
  await book.sign(draft('first'), 1000.4)
  await book.sign(draft('second'), 2000)
  expect(book.entries()).toEqual([{ id: 2, name: 'Ada', message: 'second', writtenAtMs: 2000 }, { id: 1, name: 'Ada', message: 'first', writtenAtMs: 1000 }])
})

test('a book opened on what the journal held goes on where it ended', async () => {
  const journal = new MemoryJournal()
  await new Guestbook(journal, []).sign(draft('before'), 1)
  const again = new Guestbook(journal, [...journal.records])
  await again.sign(draft('after'), 2)
  expect(again.entries().map(({ id, message }) => [id, message])).toEqual([[2, 'after'], [1, 'before']])
})

test('an entry that is not on disk is not shown', async () => {
  const journal = new MemoryJournal()
  const book = new Guestbook(journal, [])
  journal.fails = true
  await expect(book.sign(draft('lost'), 1)).rejects.toMatchObject({ code: 'disk-failed' })
  expect(book.entries()).toEqual([])
})

test('however many sign, book and journal stay bounded and the newest are kept', async () => {
  const journal = new MemoryJournal()
  const book = new Guestbook(journal, [])
  for (let index = 1; index <= 5 * ENTRIES_MAX; index++) {
    await book.sign(draft(String(index)), index)
    expect(journal.records.length).toBeLessThan(2 * ENTRIES_MAX)
  }
  const kept = book.entries().map(({ message }) => message)
  expect(kept).toEqual(Array.from({ length: ENTRIES_MAX }, (_, index) => String(5 * ENTRIES_MAX - index)))
  expect(new Guestbook(journal, journal.records).entries()).toEqual(book.entries())
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
])('%j is refused in a sentence', (typed, sentence) => {
  expect(guestbookDraft.safeParse(typed).error?.issues.map(({ message }) => message)).toEqual([sentence])
})
