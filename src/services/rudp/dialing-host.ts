/**
 * The UDP socket that the connections of a dialer share; packets carry the id of their connection. It stays open for a
 * while after the last connection, for the next dial.
 */
import type { Endpoint } from '../kit/endpoint.ts'
import { HamletError } from '../kit/errors.ts'
import type { Clock } from '../kit/node/clock.ts'
import { closeError } from './close-error.ts'
import type { Connection } from './core/connection.ts'
import type { Trusts, Visit } from './core/encryption/connection-encryption.ts'
import type { RudpEvent } from './core/endpoint.ts'
import { openHost, type HostOptions, type RudpHost } from './host.ts'

export interface DialingHostOptions extends Omit<HostOptions, 'accepting' | 'port' | 'onEvent'> {
  /** How long the socket stays open without a connection. */
  readonly keepMs: number
  /** Called when it closes; it can open no more connections then. */
  readonly onClosing: () => void
}

/** A dialed connection, and the host that it runs on. */
export interface Dialled {
  readonly host: RudpHost
  readonly connection: Connection
}

export class DialingHost {
  readonly #clock: Clock
  readonly #keepMs: number
  readonly #onClosing: () => void
  readonly #host: RudpHost
  /** The listener for each connection that is open. */
  readonly #listeners: Map<Connection, (event: RudpEvent) => void>
  #isClosed = false
  #cancelClosing = (): void => undefined

  private constructor({ clock, keepMs, onClosing }: DialingHostOptions, host: RudpHost, listeners: Map<Connection, (event: RudpEvent) => void>) {
    this.#clock = clock
    this.#keepMs = keepMs
    this.#onClosing = onClosing
    this.#host = host
    this.#listeners = listeners
  }

  /** @throws HamletError address-not-local */
  static async open(options: DialingHostOptions): Promise<DialingHost> {
    const listeners = new Map<Connection, (event: RudpEvent) => void>()
    const host = await openHost({ ...options, accepting: false, port: 0, onEvent: event => listeners.get(event.connection)?.(event) })
    return new DialingHost(options, host, listeners)
  }

  /**
   * Starts a connection to the peer.
   * @param listener receives the events of the connection, up to `closed`; never before this returns
   * @throws HamletError connection-lost if the host was closed in the meantime
   */
  connect(peer: Endpoint, how: { readonly visit: Visit | undefined; readonly trusts: Trusts | undefined }, listener: (event: RudpEvent) => void): Dialled {
    if (this.#isClosed) throw new HamletError(closeError('finished', peer))
    this.#cancelClosing()
    const connection = this.#host.use((nowMs, endpoint) => endpoint.connect(this.#host.pathTo(peer), nowMs, how))
    this.#listeners.set(connection, event => {
      if (event.kind === 'closed') this.#forget(connection)
      listener(event)
    })
    return { host: this.#host, connection }
  }

  /** Closes the connections and the socket. */
  close(): Promise<void> {
    this.#cancelClosing()
    if (!this.#isClosed) this.#onClosing()
    this.#isClosed = true
    return this.#host.close()
  }

  #forget(connection: Connection): void {
    this.#listeners.delete(connection)
    if (this.#listeners.size > 0 || this.#isClosed) return
    this.#cancelClosing = this.#clock.wakeAt(this.#clock.nowMs() + this.#keepMs, () => void this.close())
  }
}
