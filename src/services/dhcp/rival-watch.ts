/**
 * Keeps Hamlet from being a second DHCP server on somebody's network: looks for others before everybody is served, and every
 * ten minutes. Where one answers only Hamlet's own clients are served, and those who have a lease from before, until the person
 * confirms in words that both shall serve.
 */
import { UsageError } from '../kit/errors.ts'
import type { Clock } from '../kit/node/clock.ts'
import { lookForRivals, type Look, type LookOptions, type Rival } from './rivals.ts'

const LOOK_EVERY_MS = 10 * 60_000
/** Silence for so long, and everybody is served; who answers later is still heard. */
const SERVE_AFTER_MS = 2_000
/** What the person types. */
export const CONFIRMATION = 'serve everyone'

export interface RivalWatchOptions extends Omit<LookOptions, 'onFound'> {
  readonly clock: Clock
  /** The person has said so in the settings. */
  readonly besideOthers: boolean
  /** Serve Hamlet's own clients only, or everybody. */
  readonly restrict: (hamletOnly: boolean) => void
  readonly onFound: (rival: Rival) => void
  log(text: string): void
  setHealth(reason: string | undefined): void
}

export class RivalWatch {
  readonly #options: RivalWatchOptions
  #look: Look | undefined
  #rivals: readonly Rival[] = []
  #confirmed: boolean
  #stopped = false
  #cancelNext = () => {}
  #cancelServe = () => {}
  #lastSaid = ''

  /** Begins to look; until it is known that nobody else serves, everybody waits. */
  constructor(options: RivalWatchOptions) {
    this.#options = options
    this.#confirmed = options.besideOthers
    options.restrict(!this.#confirmed)
    this.#cancelServe = options.clock.wakeAt(options.clock.nowMs() + SERVE_AFTER_MS, () => this.#decide())
    void this.#run()
  }

  /**
   * Serves everybody though another server answers, until the service stops.
   * @throws UsageError: not the words that are asked for
   */
  confirm(words: string): void {
    if (words.trim().toLowerCase() !== CONFIRMATION) throw new UsageError('nothing was changed', `"${words}" is not what is to be typed`, `type "${CONFIRMATION}", and know that two servers may lend one address twice`)
    this.#confirmed = true
    this.#decide()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelNext()
    this.#cancelServe()
    this.#look?.stop()
    await this.#look?.ended
  }

  async #run(): Promise<void> {
    const { clock, wires, log } = this.#options
    this.#look = lookForRivals({ ...this.#options, onFound: rival => this.#found(rival) })
    const outcome = await this.#look.ended
    this.#look = undefined
    if (this.#stopped) return
    const where = wires.map(({ interfaceName }) => interfaceName).join(', ')
    const said = 'couldNotCheck' in outcome ? `could not check whether another DHCP server answers on ${where}: ${outcome.couldNotCheck}`
      : outcome.rivals.length === 0 ? `no other DHCP server answers on ${where}` : ''
    if (said !== '' && said !== this.#lastSaid) log(said)
    this.#lastSaid = said
    if ('rivals' in outcome) this.#rivals = outcome.rivals
    this.#decide()
    this.#cancelNext = clock.wakeAt(clock.nowMs() + LOOK_EVERY_MS, () => void this.#run())
  }

  #found(rival: Rival): void {
    const isNew = this.#rivals.every(({ server }) => server !== rival.server)
    if (isNew) this.#rivals = [...this.#rivals, rival]
    this.#options.onFound(rival)
    this.#decide()
  }

  #decide(): void {
    const { restrict, setHealth } = this.#options
    const hamletOnly = this.#rivals.length > 0 && !this.#confirmed
    restrict(hamletOnly)
    const others = this.#rivals.map(({ server, interfaceName }) => `${server} on ${interfaceName}`).join(', ')
    if (hamletOnly) setHealth(`another DHCP server answers (${others}), so only Hamlet's own clients are served; to serve everyone beside it, confirm "${CONFIRMATION}", or set --beside_others`)
    else setHealth(this.#rivals.length === 0 ? undefined : `another DHCP server answers too (${others})`)
  }
}
