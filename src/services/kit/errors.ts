/**
 * Errors as sentences in five parts: what happened, why, what was done already, what you may do, and the proof.
 * Worded once, where the trouble is known; printed the same by the CLI and the window.
 */

/** Stable names of everything that can go wrong, listed with their meaning in docs/errors.md. */
export const ERROR_CODES = [
  'address-not-local', 'connection-lost', 'connection-refused', 'disk-failed', 'file-damaged', 'folder-locked', 'folder-missing',
  'identity-changed', 'internal', 'io-unavailable', 'malformed-packet', 'name-unknown', 'no-lease', 'port-not-permitted', 'port-taken', 'refused',
  'service-crashed', 'service-not-running', 'site-missing', 'timed-out', 'upstream-unreachable', 'usage',
] as const
export type ErrorCode = (typeof ERROR_CODES)[number]

/** The five parts, as plain data that may cross a process border. Sentences without a closing full stop. */
export interface ErrorParts {
  readonly code: ErrorCode
  /** What happened: "DNS could not take port 53". */
  readonly what: string
  /** Why: "systemd-resolved (pid 312) holds 127.0.0.53:53". */
  readonly why: string
  /** What was done already: "serving on port 5353 instead". */
  readonly done?: string | undefined
  /** What the person may do, in the imperative: "choose another port with --port". */
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

/** A flag, name or value that the person typed cannot be taken. The CLI ends with status 2. */
export class UsageError extends HamletError {
  constructor(what: string, why: string, remedy: string) {
    super({ code: 'usage', what, why, remedy })
    this.name = 'UsageError'
  }
}

/** Bytes from the network that break a rule of their protocol. Expected at all times; never ends a service. */
export class MalformedPacket extends HamletError {
  /** Byte at which the rule is broken. */
  readonly offset: number
  /** Where the rule stands, e.g. "RFC 1035 §4.1.4". */
  readonly rule: string

  constructor(offset: number, rule: string, why: string) {
    super({ code: 'malformed-packet', what: 'A packet could not be read', why, remedy: 'look at the sender', proof: `byte ${offset}, ${rule}` })
    this.name = 'MalformedPacket'
    this.offset = offset
    this.rule = rule
  }
}

/** Anything thrown, as the five parts. What is not a HamletError is a bug of ours and says so. */
export function partsOf(error: unknown): ErrorParts {
  if (error instanceof HamletError) return error.parts
  const why = error instanceof Error ? error.message : String(error)
  const proof = error instanceof Error ? error.stack?.split('\n')[1]?.trim() : undefined
  return { code: 'internal', what: 'Hamlet met a fault of its own', why, remedy: 'report it with this line', proof }
}

/** The one wording of an error for a person: `what: why. done. You may remedy. [proof]` on a single line. */
export function oneLine(error: unknown): string {
  const { what, why, done, remedy, proof } = partsOf(error)
  const sentences = [`${what}: ${why}`, ...(done === undefined ? [] : [capitalise(done)]), `You may ${remedy}`]
  return (sentences.join('. ') + '.' + (proof === undefined ? '' : ` [${proof}]`)).replace(/\s*\n\s*/g, ' ')
}

/** The same for a program, as JSON on a single line; parts that are not there are left out. */
export function jsonLine(error: unknown): string {
  const { code, what, why, done, remedy, proof } = partsOf(error)
  return JSON.stringify({ error: { code, what, why, done, remedy, proof } })
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Closes a `switch` over a union: a new member that is not handled does not compile. */
export function assertNever(value: never): never {
  throw new Error(`a case was not handled: ${JSON.stringify(value)}`)
}

/** A broken invariant is a bug: the process ends and the supervisor restarts it. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${invariant}`)
}
