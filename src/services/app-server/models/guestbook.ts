/** The guestbook: who wrote what, and when. It is bounded, and kept in a journal so that entries survive a restart. */
import { z } from 'zod'
import type { HamletError } from '../../kit/errors.ts'
import type { Journal } from '../../kit/node/journal.ts'

export const NAME_LENGTH_MAX = 40
export const MESSAGE_LENGTH_MAX = 400
/** Beyond this, the oldest entries are dropped. */
export const ENTRIES_MAX = 200

export const guestbookEntry = z.object({ id: z.int().min(1), name: z.string(), message: z.string(), writtenAtMs: z.number() })
export type GuestbookEntry = z.output<typeof guestbookEntry>

/** What a visitor typed, validated; each invalid field yields a sentence. */
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

  /** @param entries the content of the journal, oldest first */
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
   * Adds an entry; it appears, and this resolves, only once it is durable.
   * @throws HamletError disk-failed; nothing was added then
   */
  async sign({ name, message }: GuestbookDraft, nowMs: number): Promise<GuestbookEntry> {
    if (this.#journalFailed) await this.#rewriteJournal()
    const entry: GuestbookEntry = { id: this.#nextId++, name, message, writtenAtMs: Math.round(nowMs) }
    await new Promise<void>((resolve, reject) => {
      this.journal.append(entry, (error: HamletError | undefined) => {
        this.#journalFailed = error !== undefined
        if (error !== undefined) return reject(error)
        this.#keep(entry) // synchronously: a concurrent sign() may rewrite the journal, which must include this entry
        resolve()
      })
    })
    if (this.#journaled >= 2 * ENTRIES_MAX) await this.#rewriteJournal().catch(() => undefined) // the old journal stays in use
    return entry
  }

  #keep(entry: GuestbookEntry): void {
    this.#journaled++
    this.#entries.push(entry)
    if (this.#entries.length > ENTRIES_MAX) this.#entries.shift()
  }

  /** Once half of it is dropped entries, so that it stays bounded; and after a failed write, which only this repairs. */
  #rewriteJournal(): Promise<void> {
    this.#journaled = this.#entries.length
    return this.journal.compact([...this.#entries])
  }
}

/** Normalizes line ends, and removes other control characters and the marks that change the direction of text. */
function draftText(what: string, lengthMax: number) {
  return z.string({ error: `Please write ${what}.` })
    .transform(text => text.replace(/\r\n?/g, '\n').replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, character => (character === '\n' ? '\n' : '')).trim())
    .pipe(z.string().min(1, { error: `Please write ${what}.` }).max(lengthMax, { error: `Please write ${what} of at most ${lengthMax} characters.` }))
}
