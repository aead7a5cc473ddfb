/** Page loads for the lab, which watches their packets. The content is discarded. */
import { Writable } from 'node:stream'
import type { EventsOf } from '../kit/contract.ts'
import { HamletError, partsOf } from '../kit/errors.ts'
import type { KnownServers } from '../rudp/known-servers.ts'
import type { Lab } from '../rudp/lab.ts'
import type { Environment } from './connections.ts'
import type { client } from './contract.ts'
import { parseTarget } from './core/target.ts'
import { fetchUrl } from './fetch.ts'
import type { ResolveName } from './origin-server.ts'

export interface LabLoadsOptions extends Environment {
  readonly resolve: ResolveName
  readonly lab: Lab
  /** Undefined: RUDP is not encrypted. */
  readonly encryption: KnownServers | undefined
  /** Called when a load ends. */
  loaded(event: EventsOf<typeof client>['loaded']): void
}

/** More than one, to show how loads share a link. */
const LOADS_MAX = 4

export class LabLoads {
  readonly #options: LabLoadsOptions
  readonly #running = new Set<AbortController>()

  constructor(options: LabLoadsOptions) {
    this.#options = options
  }

  /**
   * Starts a load on its own connection; `loaded` is called when it ends.
   * @throws UsageError if the URL is not valid; HamletError refused if too many loads are in progress
   */
  start(url: string): void {
    parseTarget(url)
    if (this.#running.size >= LOADS_MAX) {
      throw new HamletError({ code: 'refused', what: `${url} was not loaded`, why: `${LOADS_MAX} loads are already in progress`, remedy: 'wait for one to end, or stop them' })
    }
    const controller = new AbortController()
    this.#running.add(controller)
    void this.#load(url, controller.signal).finally(() => this.#running.delete(controller))
  }

  /** Aborts the loads in progress. @returns how many there were */
  stop(): number {
    for (const controller of this.#running) controller.abort()
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
    const ended = (status: number, failure?: string) => loaded({ url, status, bytes, tookMs: clock.nowMs() - startedAtMs, ...(failure !== undefined && { failure }) })
    try {
      const { status } = await fetchUrl(url, { clock, random, trace, resolve, lab, encryption, signal, output: () => output })
      ended(status)
    } catch (error) {
      ended(0, signal.aborted ? 'stopped' : partsOf(error).what)
    }
  }
}
