/**
 * Keeps Hamlet from being a second DHCP server on somebody's network: looks for others before everybody is served, and every
 * ten minutes (detect-other-servers.ts). core/other-servers.ts says who is served then.
 */
import type { OtherServer, OtherServers } from './core/other-servers.ts'
import { detectOtherServers, type Look, type DetectionOptions } from './detect-other-servers.ts'

const LOOK_EVERY_MS = 10 * 60_000
/** Silence for so long, and everybody is served; who answers later is still heard. */
const SERVE_AFTER_MS = 2_000

export interface OtherServerMonitorOptions extends DetectionOptions {
  /** What is known of them; it outlives the watch. */
  readonly rivals: OtherServers
  /** Serve Hamlet's own clients only, or everybody. */
  readonly restrict: (hamletOnly: boolean) => void
  log(text: string): void
  setHealth(reason: string | undefined): void
}

export class OtherServerMonitor {
  readonly #options: OtherServerMonitorOptions
  readonly #rivals: OtherServers
  #look: Look | undefined
  #stopped = false
  #cancelNext = () => {}
  readonly #cancelServe: () => void
  #lastSaid = ''

  constructor(options: OtherServerMonitorOptions) {
    this.#options = options
    this.#rivals = options.rivals
    this.#rivals.beginOn(options.wires.map(({ interfaceName }) => interfaceName))
    this.#apply()
    this.#cancelServe = options.clock.wakeAt(options.clock.nowMs() + SERVE_AFTER_MS, () => {
      this.#rivals.searchedLongEnough()
      this.#apply()
    })
    if (options.wires.length > 0) void this.#run()
  }

  /**
   * Serves everybody though another server answers, until the service stops.
   * @throws UsageError: not the words that are asked for
   */
  confirm(words: string): void {
    this.#rivals.confirm(words)
    this.#apply()
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
    this.#look = detectOtherServers({ ...this.#options, onFound: rival => this.#found(rival) })
    const outcome = await this.#look.ended
    this.#look = undefined
    if (this.#stopped) return
    const where = wires.map(({ interfaceName }) => interfaceName).join(', ')
    const said = 'couldNotCheck' in outcome ? `could not check whether another DHCP server answers on ${where}: ${outcome.couldNotCheck}`
      : outcome.rivals.length === 0 ? `no other DHCP server answers on ${where}` : ''
    if (said !== '' && said !== this.#lastSaid) log(said)
    this.#lastSaid = said
    this.#rivals.replace('rivals' in outcome ? outcome.rivals : undefined)
    this.#apply()
    this.#cancelNext = clock.wakeAt(clock.nowMs() + LOOK_EVERY_MS, () => void this.#run())
  }

  #found(rival: OtherServer): void {
    this.#rivals.add(rival)
    this.#options.onFound(rival)
    this.#apply()
  }

  #apply(): void {
    this.#options.restrict(this.#rivals.hamletOnly)
    this.#options.setHealth(this.#rivals.report)
  }
}
