/**
 * Caches resolution failures for a second, so that a storm of clients does not become a storm of queries (RFC 9520 §3.2).
 * Only failures that servers reported are cached: an unreachable server may be back at any moment.
 */
import { EDE, type ExtendedError } from '../../wire/edns-options.ts'
import { flightKey, type Trouble } from './flight.ts'
import type { Wanted } from './finding.ts'

const FAILURE_MS = 1000
const FAILURES_MAX = 1000

interface Failure {
  readonly troubles: readonly Trouble[]
  readonly untilMs: number
}

export class Failures {
  /** Oldest first. */
  readonly #failures = new Map<string, Failure>()

  add(wanted: Wanted, troubles: readonly Trouble[], nowMs: number): void {
    if (troubles.some(({ kind }) => kind !== 'answered')) return
    const [oldest] = this.#failures.keys()
    if (this.#failures.size >= FAILURES_MAX && oldest !== undefined) this.#failures.delete(oldest)
    this.#failures.set(flightKey(wanted), { troubles, untilMs: nowMs + FAILURE_MS })
  }

  /** Why the question failed; undefined once it may be asked again. */
  get(wanted: Wanted, nowMs: number): readonly Trouble[] | undefined {
    if (this.#failures.size === 0) return undefined
    const key = flightKey(wanted)
    const failure = this.#failures.get(key)
    if (failure !== undefined && nowMs >= failure.untilMs) this.#failures.delete(key)
    return failure === undefined || nowMs >= failure.untilMs ? undefined : failure.troubles
  }
}

/** The Extended DNS Error for a failure: preferably the upstream's own (RFC 8914 §3). */
export function extendedErrorOf(troubles: readonly Trouble[]): ExtendedError | undefined {
  const told = troubles.find(({ extendedError }) => extendedError !== undefined)?.extendedError
  const [first] = troubles
  if (told !== undefined || first === undefined) return told
  const infoCode = troubles.some(({ kind }) => kind === 'unreachable') ? EDE.NETWORK_ERROR : EDE.NO_REACHABLE_AUTHORITY
  return { infoCode, text: `${first.upstream.title} ${first.why}` }
}
