/**
 * Errors as sentences in five parts: what happened, why, what was already done, what the user can do, and the evidence.
 * Each is worded once, where the cause is known, and shown the same by the CLI and the window.
 */

/** Stable names of all errors; docs/errors.md explains each. */
export const ERROR_CODES = [
  'address-not-local', 'connection-lost', 'connection-refused', 'disk-failed', 'file-damaged', 'folder-locked', 'folder-missing',
  'identity-changed', 'internal', 'io-unavailable', 'malformed-packet', 'name-unknown', 'no-lease', 'port-not-permitted', 'port-taken', 'refused',
  'service-crashed', 'service-not-running', 'site-missing', 'timed-out', 'upstream-unreachable', 'usage',
] as const
export type ErrorCode = (typeof ERROR_CODES)[number]

/** The five parts, as plain data that can cross process boundaries. Each is a sentence without its final period. */
export interface ErrorParts {
  readonly code: ErrorCode
  /** What happened: "UDP port 53 could not be opened". */
  readonly what: string
  /** Why: "port 53 is in use by systemd-resolved (pid 312)". */
  readonly why: string
  /** What was already done about it: "serving on port 5353 instead". */
  readonly done?: string | undefined
  /** What the user can do, in the imperative: "choose another port with --port". */
  readonly remedy: string
  /** The evidence: errno, owner, bytes. */
  readonly proof?: string | undefined
}

export class HamletError extends Error {
  readonly parts: ErrorParts

  constructor(parts: ErrorParts, options?: { cause?: unknown }) {
    super(`${parts.what}: ${parts.why}`, options)
    this.name = 'HamletError'
    this.parts = parts
  }

  get code(): ErrorCode {
    return this.parts.code
  }
}

/** A flag, name or value from the user is not valid. The CLI exits with status 2. */
export class UsageError extends HamletError {
  constructor(what: string, why: string, remedy: string) {
    super({ code: 'usage', what, why, remedy })
    this.name = 'UsageError'
  }
}

/** Bytes from the network break a rule of their protocol. Expected at any time; never ends a service. */
export class MalformedPacket extends HamletError {
  /** The offset of the byte that breaks the rule. */
  readonly offset: number
  /** The source of the rule, such as "RFC 1035 §4.1.4". */
  readonly rule: string

  constructor(offset: number, rule: string, why: string) {
    super({ code: 'malformed-packet', what: 'A packet could not be read', why, remedy: 'check the sender', proof: `byte ${offset}, ${rule}` })
    this.name = 'MalformedPacket'
    this.offset = offset
    this.rule = rule
  }
}

/** Anything thrown, as the five parts. Whatever is not a HamletError is a bug in Hamlet and says so. */
export function partsOf(error: unknown): ErrorParts {
  if (error instanceof HamletError) return error.parts
  const why = error instanceof Error ? error.message : String(error)
  const proof = error instanceof Error ? error.stack?.split('\n')[1]?.trim() : undefined
  return { code: 'internal', what: 'This is a bug in Hamlet', why, remedy: 'report it with this line', proof }
}

/** An error for the user, on a single line: `what: why. Done. Remedy. [proof]`. */
export function oneLine(error: unknown): string {
  const { what, why, done, remedy, proof } = partsOf(error)
  const sentences = [`${what}: ${why}`, ...(done === undefined ? [] : [capitalize(done)]), capitalize(remedy)]
  return (sentences.join('. ') + '.' + (proof === undefined ? '' : ` [${proof}]`)).replace(/\s*\n\s*/g, ' ')
}

/** An error for a program: JSON on a single line, without the parts that are absent. */
export function jsonLine(error: unknown): string {
  const { code, what, why, done, remedy, proof } = partsOf(error)
  return JSON.stringify({ error: { code, what, why, done, remedy, proof } })
}

/** The text with its first letter in upper case: parts of an error begin in lower case, sentences do not. */
export function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** The default case of a `switch` over a union: an unhandled member does not compile. */
export function assertNever(value: never): never {
  throw new Error(`unhandled case: ${JSON.stringify(value)}`)
}

/** A broken invariant is a bug: the process exits and the supervisor restarts it. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${invariant}`)
}
