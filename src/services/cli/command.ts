/** A command of `hamlet`: its flags, declared as a schema from which parser and `--help` derive, and what it does. */
import type { Writable } from 'node:stream'
import type { z } from 'zod'

/** What a command may read and write. */
export interface Terminal {
  readonly stdout: Writable
  readonly stderr: Writable
  /**
   * Resolves when the command should stop: on SIGINT, SIGTERM or SIGHUP, or when its output has no reader any more.
   * Until a command calls this, those simply end the process, as they would any other.
   */
  readonly interrupted: () => Promise<void>
}

export type ExitStatus = 0 | 1 | 2

export interface Command<Flags extends z.ZodObject = z.ZodObject> {
  readonly name: string
  /** One sentence. */
  readonly summary: string
  /** Names of the positional arguments, such as NAME; one in brackets is optional. */
  readonly positionals: readonly string[]
  readonly flags: Flags
  /** Not listed in `hamlet --help`. */
  readonly hidden?: boolean
  /** A server: it keeps running even if its output has no reader any more. */
  readonly serves?: boolean
  run(call: { flags: z.output<Flags>; given: ReadonlySet<string>; positionals: readonly string[] }, terminal: Terminal): Promise<ExitStatus>
}

/** Declares a command; the compiler checks `run` against the schema of the flags. */
export function defineCommand<Flags extends z.ZodObject>(command: Command<Flags>): Command {
  return command
}
