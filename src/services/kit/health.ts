/** What is wrong with a service, where several parts of it may have something to say: all of it in one sentence, told on change. */
export class Health {
  readonly #reasons = new Map<string, string>()
  readonly #tell: (reason: string | undefined) => void
  #told: string | undefined

  constructor(tell: (reason: string | undefined) => void) {
    this.#tell = tell
  }

  /** @param reason undefined: nothing is wrong there any more */
  set(part: string, reason: string | undefined): void {
    if (reason === undefined) this.#reasons.delete(part)
    else this.#reasons.set(part, reason)
    const now = this.#reasons.size === 0 ? undefined : [...this.#reasons.values()].join('; ')
    if (now === this.#told) return
    this.#told = now
    this.#tell(now)
  }
}
