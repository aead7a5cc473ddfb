/**
 * Splits text in the zone file format (RFC 1035 §5.1) into entries and entries into tokens, handling comments, quoted strings,
 * and parentheses that let an entry span several lines. Escapes are left for the consumer of a token to resolve.
 *
 * A zone file may have a million entries, so the scanner has two interfaces: `advance` only records where the tokens of the
 * next entry are and allocates nothing; `next` creates them.
 */
import { UsageError } from '../../kit/errors.ts'

export interface Token {
  readonly text: string
  readonly quoted: boolean
}

export interface Entry {
  readonly tokens: readonly Token[]
  /** The line begins with whitespace: the owner is that of the previous entry. */
  readonly startsBlank: boolean
}

const REMEDY = 'correct the text'
const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }
/** No record needs more: its data has at most 65,535 octets. */
const TOKENS_MAX = 32_768

const NEWLINE = 0x0a
const SPACE = 0x20
const QUOTE = 0x22
const OPENING = 0x28
const CLOSING = 0x29
const SEMICOLON = 0x3b
const BACKSLASH = 0x5c

export class EntryReader {
  /** The line read last, counted from 1, for error messages. */
  line = 1
  /** The number of tokens in the entry found by `advance`. */
  count = 0
  startsBlank = false
  #at = 0
  /** The line of the open parenthesis, for error messages; 0 outside parentheses. */
  #openedOnLine = 0
  /**
   * The newline that ended the previous entry. It is counted with the next entry, so that an error names the entry's own
   * line.
   */
  #newlines = 0
  /** Where each token begins and ends in the text, without its quotes. */
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  readonly #quoted: boolean[] = []
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  /**
   * The next entry with tokens; undefined at the end.
   * @throws UsageError if a quote or a parenthesis is not closed
   */
  next(): Entry | undefined {
    return this.advance() ? { tokens: this.tokensFrom(0), startsBlank: this.startsBlank } : undefined
  }

  /**
   * Advances to the next entry with tokens.
   * @returns false at the end
   * @throws UsageError if a quote or a parenthesis is not closed
   */
  advance(): boolean {
    const { text } = this
    let depth = 0
    this.count = 0
    this.line += this.#newlines
    this.#newlines = 0
    while (this.#at < text.length) {
      const code = text.charCodeAt(this.#at)
      if (code === NEWLINE) {
        this.#at++
        if (depth === 0 && this.count > 0) {
          this.#newlines = 1
          return true
        }
        this.line++
      } else if (isBlank(code)) this.#at++
      else if (code === SEMICOLON) this.#skipComment()
      else if (code === OPENING || code === CLOSING) {
        depth += code === OPENING ? 1 : -1
        if (depth === 0) this.#openedOnLine = 0
        else if (this.#openedOnLine === 0) this.#openedOnLine = this.line
        if (depth < 0) throw new UsageError('A parenthesis was never opened', 'there is one ")" too many', REMEDY)
        this.#at++
      } else this.#take(code)
    }
    if (depth > 0) throw this.#errorOfOpened('A parenthesis is not closed', 'the text ends before its ")"', REMEDY)
    return this.count > 0
  }

  /** Where a token of the entry begins in `text`, after its opening quote if it has one. */
  startOf(token: number): number {
    return this.#starts[token] ?? 0
  }

  endOf(token: number): number {
    return this.#ends[token] ?? 0
  }

  isQuoted(token: number): boolean {
    return this.#quoted[token] ?? false
  }

  textOf(token: number): string {
    return this.text.slice(this.startOf(token), this.endOf(token))
  }

  /** The tokens of the entry, starting with this one. */
  tokensFrom(token: number): Token[] {
    const tokens: Token[] = []
    for (let index = token; index < this.count; index++) tokens.push({ text: this.textOf(index), quoted: this.isQuoted(index) })
    return tokens
  }

  #take(code: number): void {
    if (this.count === TOKENS_MAX) throw this.#errorOfOpened('An entry is too long', `it has more than ${TOKENS_MAX} words`, 'shorten it, or close its parenthesis')
    if (this.count === 0) this.startsBlank = this.#at > 0 && this.text.charCodeAt(this.#at - 1) !== NEWLINE
    const start = code === QUOTE ? this.#at + 1 : this.#at
    const end = code === QUOTE ? this.#endOfQuoted(start) : this.#endOfPlain(start)
    this.#starts[this.count] = start
    this.#ends[this.count] = end
    this.#quoted[this.count] = code === QUOTE
    this.count++
    this.#at = code === QUOTE ? end + 1 : end
  }

  #endOfQuoted(start: number): number {
    const { text } = this
    for (let at = start; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code === QUOTE) return at
      if (code === BACKSLASH) at++
      if (text.charCodeAt(at) === NEWLINE) break
    }
    throw new UsageError('A quoted string is not closed', 'its line ends before the second quote', REMEDY)
  }

  #endOfPlain(start: number): number {
    const { text } = this
    for (let at = start; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code === BACKSLASH) {
        at++
        if (at >= text.length || text.charCodeAt(at) === NEWLINE) throw new UsageError('An escape is incomplete', 'its line ends after the "\\"', REMEDY)
      } else if (isBlank(code) || code === NEWLINE || code === QUOTE || code === OPENING || code === CLOSING || code === SEMICOLON) return at
    }
    return text.length
  }

  /** Errors in an entry within parentheses name the line of the opening one: the current line may be the last of the file. */
  #errorOfOpened(what: string, why: string, remedy: string): UsageError {
    if (this.#openedOnLine > 0) this.line = this.#openedOnLine
    return new UsageError(what, why, remedy)
  }

  #skipComment(): void {
    const newline = this.text.indexOf('\n', this.#at)
    this.#at = newline < 0 ? this.text.length : newline
  }
}

/** Space, tab, and the other line-end characters (such as CR). */
function isBlank(code: number): boolean {
  return code === SPACE || (code >= 0x09 && code <= 0x0d && code !== NEWLINE)
}

/** A duration: seconds, or units as in BIND's `1h30m`; undefined for anything else. */
export function parseSeconds(text: string): number | undefined {
  if (!/^(\d{1,10}|(\d{1,8}[smhdw])+)$/i.test(text)) return undefined
  if (/^\d+$/.test(text)) return Number(text)
  return [...text.matchAll(/(\d+)([a-z])/gi)].reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_SECONDS[(unit ?? 's').toLowerCase()] ?? 1), 0)
}
