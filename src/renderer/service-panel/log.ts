/**
 * The last lines that a service printed. Kept outside of React, because a busy
 * service can print faster than the window renders.
 */
import type { ServiceId } from '../../services/contracts.ts'

export interface LogLine {
  /** `contract`: a line that the original system printed; `log`: any other. */
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
    // Halved at twice the limit: shifting a long array for every line would be slow.
    if (this.#lines.length >= 2 * LINES_MAX) this.#lines = this.#lines.slice(-LINES_MAX)
    for (const listener of this.#listeners) listener.appended(shown)
  }

  replace(lines: readonly LogLine[]): void {
    this.#lines = lines.slice(-LINES_MAX).map(printable)
    for (const listener of this.#listeners) listener.replaced(this.#lines)
  }

  /** Passes the existing lines to `replaced`, then each new one to `appended`. @returns a function that stops listening */
  listen(listener: LogListener): () => void {
    this.#listeners.add(listener)
    listener.replaced(this.#lines.slice(-LINES_MAX))
    return () => this.#listeners.delete(listener)
  }
}

/**
 * Replaces control characters: names and paths in a line come from the
 * network, and could otherwise control the terminal.
 */
export function printable({ to, text }: LogLine): LogLine {
  // eslint-disable-next-line no-control-regex -- matching control characters is the purpose
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
