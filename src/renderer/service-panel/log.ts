/** The last lines that a service printed, outside of React: a busy service may print faster than a window can draw. */
import type { ServiceId } from '../../services/contracts.ts'

export interface LogLine {
  /** `contract`: a line of the original system's; `log`: all others. */
  readonly to: 'contract' | 'log'
  readonly text: string
}

export interface LogListener {
  appended(line: LogLine): void
  replaced(lines: readonly LogLine[]): void
}

const LINES_MAX = 500
const LINE_LENGTH_MAX = 2000

export class Log {
  #lines: LogLine[] = []
  readonly #listeners = new Set<LogListener>()

  append(line: LogLine): void {
    const shown = printable(line)
    this.#lines.push(shown)
    // Cut in halves, not line by line: shifting a long array at every line is what a flood would spend its time on.
    if (this.#lines.length >= 2 * LINES_MAX) this.#lines = this.#lines.slice(-LINES_MAX)
    for (const listener of this.#listeners) listener.appended(shown)
  }

  replace(lines: readonly LogLine[]): void {
    this.#lines = lines.slice(-LINES_MAX).map(printable)
    for (const listener of this.#listeners) listener.replaced(this.#lines)
  }

  /** Gives the lines so far as `replaced`, then each new one. Returns the function that ends the listening. */
  listen(listener: LogListener): () => void {
    this.#listeners.add(listener)
    listener.replaced(this.#lines.slice(-LINES_MAX))
    return () => this.#listeners.delete(listener)
  }
}

/** Names and paths in a line come from the network: control characters in them could drive the console, so they are shown as marks. */
export function printable({ to, text }: LogLine): LogLine {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return { to, text: text.slice(0, LINE_LENGTH_MAX).replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, '�').replace(/\t/g, '  ') }
}

const logs = new Map<ServiceId, Log>()

export function logOf(id: ServiceId): Log {
  const known = logs.get(id)
  if (known !== undefined) return known
  const log = new Log()
  logs.set(id, log)
  return log
}
