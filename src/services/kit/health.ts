/** What is wrong with a service: the complaints of its parts, joined into one sentence and reported on change. */
export class Health {
  readonly #reasons = new Map<string, string>()
  readonly #report: (reason: string | undefined) => void
  #reported: string | undefined

  constructor(report: (reason: string | undefined) => void) {
    this.#report = report
  }

  /** @param reason undefined if nothing is wrong with this part any more */
  set(part: string, reason: string | undefined): void {
    if (reason === undefined) this.#reasons.delete(part)
    else this.#reasons.set(part, reason)
    const now = this.#reasons.size === 0 ? undefined : [...this.#reasons.values()].join('; ')
    if (now === this.#reported) return
    this.#reported = now
    this.#report(now)
  }
}
