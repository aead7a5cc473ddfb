/** Pages that are loaded for their way and not for their content: the lab watches them come. The bytes are thrown away. */
import { Writable } from 'node:stream'
import type { EventsOf } from '../kit/contract.ts'
import { HamletError, partsOf } from '../kit/errors.ts'
import type { KnownServers } from '../rudp/known-servers.ts'
import type { Lab } from '../rudp/lab.ts'
import type { Environment } from './connections.ts'
import type { client } from './contract.ts'
import { parseTarget } from './core/target.ts'
import { fetchUrl } from './fetch.ts'
import type { ResolveName } from './way.ts'

export interface LoadsOptions extends Environment {
  readonly resolve: ResolveName
  readonly lab: Lab
  /** Undefined: what goes by RUDP is readable. */
  readonly encryption: KnownServers | undefined
  /** A load is over. */
  loaded(event: EventsOf<typeof client>['loaded']): void
}

/** Several at once show how they share a link. */
const LOADS_MAX = 4

export class Loads {
  readonly #options: LoadsOptions
  readonly #running = new Set<AbortController>()

  constructor(options: LoadsOptions) {
    this.#options = options
  }

  /**
   * Starts a load on a connection of its own; `loaded` tells its end.
   * @throws UsageError for what is no address; HamletError refused where enough are under way
   */
  start(url: string): void {
    parseTarget(url)
    if (this.#running.size >= LOADS_MAX) {
      throw new HamletError({ code: 'refused', what: `${url} is not loaded now`, why: `${LOADS_MAX} loads are under way`, remedy: 'wait for one of them, or stop them' })
    }
    const gone = new AbortController()
    this.#running.add(gone)
    void this.#load(url, gone.signal).finally(() => this.#running.delete(gone))
  }

  /** Breaks off what is under way. @returns how many loads that were */
  stop(): number {
    for (const gone of this.#running) gone.abort()
    return this.#running.size
  }

  async #load(url: string, signal: AbortSignal): Promise<void> {
    const { clock, random, trace, resolve, lab, encryption, loaded } = this.#options
    const startedAtMs = clock.nowMs()
    let bytes = 0
    const output = new Writable({
      write(chunk: Uint8Array, _encoding, done) {
        bytes += chunk.length
        done()
      },
    })
    const over = (status: number, failure?: string) => loaded({ url, status, bytes, tookMs: clock.nowMs() - startedAtMs, ...(failure !== undefined && { failure }) })
    try {
      const { status } = await fetchUrl(url, { clock, random, trace, resolve, lab, encryption, signal, output: () => output })
      over(status)
    } catch (error) {
      over(0, signal.aborted ? 'stopped' : partsOf(error).what)
    }
  }
}
