/** The guestbook: who wrote what and when. Bounded, and kept in a journal, so that a signature survives a restart. */
import { z } from 'zod'
import type { HamletError } from '../../kit/errors.ts'
import type { Journal } from '../../kit/node/journal.ts'

export const NAME_LENGTH_MAX = 40
export const MESSAGE_LENGTH_MAX = 400
/** The oldest entries give way. */
export const ENTRIES_MAX = 200

export const guestbookEntry = z.object({ id: z.int().min(1), name: z.string(), message: z.string(), writtenAtMs: z.number() })
export type GuestbookEntry = z.output<typeof guestbookEntry>

/** What a visitor typed; a sentence for each field that cannot be taken. */
export const guestbookDraft = z.object({
  name: draftText('a name', NAME_LENGTH_MAX).transform(name => name.replace(/\s+/g, ' ')),
  message: draftText('a message', MESSAGE_LENGTH_MAX),
})
export type GuestbookDraft = z.output<typeof guestbookDraft>

export class Guestbook {
  /** Oldest first. */
  readonly #entries: GuestbookEntry[]
  #nextId: number
  #journaled: number
  #journalFailed = false
  private readonly journal: Journal<GuestbookEntry>

  /** @param entries what the journal held, oldest first */
  constructor(journal: Journal<GuestbookEntry>, entries: readonly GuestbookEntry[]) {
    this.journal = journal
    this.#entries = entries.slice(-ENTRIES_MAX)
    this.#nextId = entries.reduce((highest, { id }) => Math.max(highest, id), 0) + 1
    this.#journaled = entries.length
  }

  /** Newest first. */
  entries(): GuestbookEntry[] {
    return [...this.#entries].reverse()
  }

  /**
   * Adds an entry; it is shown, and this resolves, only when it is safe on disk.
   * @throws HamletError disk-failed; then nothing was added
   */
  async sign({ name, message }: GuestbookDraft, nowMs: number): Promise<GuestbookEntry> {
    if (this.#journalFailed) await this.#rewriteJournal()
    const entry: GuestbookEntry = { id: this.#nextId++, name, message, writtenAtMs: Math.round(nowMs) }
    await new Promise<void>((resolve, reject) => {
      this.journal.append(entry, (error: HamletError | undefined) => {
        this.#journalFailed = error !== undefined
        if (error !== undefined) return reject(error)
        this.#keep(entry) // at once: whoever signed in the same moment may rewrite the journal, with all that is safe
        resolve()
      })
    })
    if (this.#journaled >= 2 * ENTRIES_MAX) await this.#rewriteJournal().catch(() => undefined) // the old one goes on
    return entry
  }

  #keep(entry: GuestbookEntry): void {
    this.#journaled++
    this.#entries.push(entry)
    if (this.#entries.length > ENTRIES_MAX) this.#entries.shift()
  }

  /** When most of it is forgotten entries, so that it stays below twice what the book holds; and after a failure, which nothing else mends. */
  #rewriteJournal(): Promise<void> {
    this.#journaled = this.#entries.length
    return this.journal.compact([...this.#entries])
  }
}

/** Line ends become one kind, other control characters and the marks that turn the direction of text are left out. */
function draftText(what: string, lengthMax: number) {
  return z.string({ error: `Please write ${what}.` })
    .transform(text => text.replace(/\r\n?/g, '\n').replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, character => (character === '\n' ? '\n' : '')).trim())
    .pipe(z.string().min(1, { error: `Please write ${what}.` }).max(lengthMax, { error: `Please write ${what} of at most ${lengthMax} characters.` }))
}
