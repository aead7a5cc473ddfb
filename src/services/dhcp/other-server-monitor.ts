/**
 * Keeps Hamlet from disturbing a network that already has a DHCP server: searches for other servers before it serves
 * everyone, and again every ten minutes (detect-other-servers.ts). core/other-servers.ts decides which clients are
 * served meanwhile.
 */
import type { OtherServer, OtherServers } from './core/other-servers.ts'
import { detectOtherServers, type Detection, type DetectionOptions } from './detect-other-servers.ts'

const DETECT_EVERY_MS = 10 * 60_000
/** If no server has answered by then, everyone is served. Later answers still count. */
const SERVE_AFTER_MS = 2_000

export interface OtherServerMonitorOptions extends DetectionOptions {
  /** The servers found so far; outlives this monitor. */
  readonly servers: OtherServers
  /** Serve only Hamlet's own clients, or everyone. */
  readonly restrict: (hamletOnly: boolean) => void
  log(text: string): void
  setHealth(reason: string | undefined): void
}

export class OtherServerMonitor {
  readonly #options: OtherServerMonitorOptions
  readonly #servers: OtherServers
  #detection: Detection | undefined
  #stopped = false
  #cancelNext = () => {}
  readonly #cancelServe: () => void
  #lastLine = ''

  constructor(options: OtherServerMonitorOptions) {
    this.#options = options
    this.#servers = options.servers
    this.#servers.beginOn(options.links.map(({ interfaceName }) => interfaceName))
    this.#apply()
    this.#cancelServe = options.clock.wakeAt(options.clock.nowMs() + SERVE_AFTER_MS, () => {
      this.#servers.searchedLongEnough()
      this.#apply()
    })
    if (options.links.length > 0) void this.#run()
  }

  /**
   * Serves everyone although another server answers, until the service stops.
   * @throws UsageError if the words are not the confirmation
   */
  confirm(words: string): void {
    this.#servers.confirm(words)
    this.#apply()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelNext()
    this.#cancelServe()
    this.#detection?.stop()
    await this.#detection?.ended
  }

  async #run(): Promise<void> {
    const { clock, links, log } = this.#options
    this.#detection = detectOtherServers({ ...this.#options, onFound: server => this.#found(server) })
    const outcome = await this.#detection.ended
    this.#detection = undefined
    if (this.#stopped) return
    const where = links.map(({ interfaceName }) => interfaceName).join(', ')
    const line = 'couldNotCheck' in outcome ? `could not check whether another DHCP server answers on ${where}: ${outcome.couldNotCheck}`
      : outcome.servers.length === 0 ? `no other DHCP server answers on ${where}` : ''
    if (line !== '' && line !== this.#lastLine) log(line)
    this.#lastLine = line
    this.#servers.replace('servers' in outcome ? outcome.servers : undefined)
    this.#apply()
    this.#cancelNext = clock.wakeAt(clock.nowMs() + DETECT_EVERY_MS, () => void this.#run())
  }

  #found(server: OtherServer): void {
    this.#servers.add(server)
    this.#options.onFound(server)
    this.#apply()
  }

  #apply(): void {
    this.#options.restrict(this.#servers.hamletOnly)
    this.#options.setHealth(this.#servers.report)
  }
}
