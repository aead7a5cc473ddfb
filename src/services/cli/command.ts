/** A command of `hamlet`: what it takes, declared once as a schema, and what it does. Parser and `--help` derive from this. */
import type { Writable } from 'node:stream'
import type { z } from 'zod'

/** What a command may read and write. */
export interface Terminal {
  readonly stdout: Writable
  readonly stderr: Writable
  /** Resolves when the command shall stop: by SIGINT, SIGTERM or SIGHUP, or as nobody reads its output any more. Until this is called that ends the process, as it does any. */
  readonly interrupted: () => Promise<void>
}

export type ExitStatus = 0 | 1 | 2

export interface Command<Flags extends z.ZodObject = z.ZodObject> {
  readonly name: string
  /** One sentence. */
  readonly summary: string
  /** Names for what stands without a flag, such as NAME; one in brackets may be left out. */
  readonly positionals: readonly string[]
  readonly flags: Flags
  /** Left out of the list in `--help`. */
  readonly hidden?: boolean
  /** Others depend on it: it goes on where nobody can read its output any more. */
  readonly serves?: boolean
  run(call: { flags: z.output<Flags>; given: ReadonlySet<string>; positionals: readonly string[] }, terminal: Terminal): Promise<ExitStatus>
}

/** Declares a command; the compiler joins the flags' schema and `run`. */
export function defineCommand<Flags extends z.ZodObject>(command: Command<Flags>): Command {
  return command
}
