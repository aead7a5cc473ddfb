/**
 * Text of the master file format (RFC 1035 §5.1), cut into entries of tokens: comments, quoted strings, and parentheses that
 * let an entry go over several lines. Escapes stay as they are; whoever knows what a token means resolves them.
 */
import { UsageError } from '../../kit/errors.ts'

export interface Token {
  readonly text: string
  readonly quoted: boolean
}

export interface Entry {
  readonly tokens: readonly Token[]
  /** The line begins with a blank: the owner is that of the entry before. */
  readonly startsBlank: boolean
}

const REMEDY = 'correct the text'

export class EntryReader {
  /** The line that was read last, counted from 1: what an error is about. */
  line = 1
  #at = 0
  #startsBlank = false
  /** The newline that ended the entry before: counted with the next one, so that an error about an entry names its own line. */
  #newlines = 0
  readonly #token = /"((?:[^"\\\n]|\\[^\n])*)"|((?:[^\s"();\\]|\\[^\n])+)/y
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  /**
   * The next entry that holds tokens; undefined at the end.
   * @throws UsageError where quotes or parentheses do not close
   */
  next(): Entry | undefined {
    const tokens: Token[] = []
    let depth = 0
    this.line += this.#newlines
    this.#newlines = 0
    while (this.#at < this.text.length) {
      const character = this.text.charAt(this.#at)
      if (character === '\n') {
        this.#at++
        if (depth === 0 && tokens.length > 0) {
          this.#newlines = 1
          return { tokens, startsBlank: this.#startsBlank }
        }
        this.line++
      } else if (character === ';') this.#skipComment()
      else if (character === '(' || character === ')') {
        depth += character === '(' ? 1 : -1
        if (depth < 0) throw new UsageError('A parenthesis closes that was not opened', 'there is a ")" too many', REMEDY)
        this.#at++
      } else if (/\s/.test(character)) this.#at++
      else tokens.push(this.#take(tokens.length === 0))
    }
    if (depth > 0) throw new UsageError('A parenthesis is not closed', 'the text ends before its ")"', REMEDY)
    return tokens.length > 0 ? { tokens, startsBlank: this.#startsBlank } : undefined
  }

  #take(first: boolean): Token {
    if (first) this.#startsBlank = this.#at > 0 && this.text.charAt(this.#at - 1) !== '\n'
    this.#token.lastIndex = this.#at
    const match = this.#token.exec(this.text)
    if (match === null) throw new UsageError('A quoted string is not closed', 'its line ends before the second quote', REMEDY)
    this.#at = this.#token.lastIndex
    return match[1] === undefined ? { text: match[2] ?? '', quoted: false } : { text: match[1], quoted: true }
  }

  #skipComment(): void {
    const newline = this.text.indexOf('\n', this.#at)
    this.#at = newline < 0 ? this.text.length : newline
  }
}
