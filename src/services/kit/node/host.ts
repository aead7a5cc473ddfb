/** The service's end of the host protocol: runs one service in its own process and reports to the supervisor. */
import { assertNever, partsOf } from '../errors.ts'
import { toService, type FromService, type TableRow, type ToService } from '../host-protocol.ts'
import type { Contract } from '../contract.ts'
import { startService, type Implementation, type ServiceListener, type StartedService } from './service.ts'

/** A channel to the supervisor that carries plain data: a utility process's parent port, a child process's IPC. */
export interface HostChannel {
  send(message: FromService): void
  onMessage(receive: (message: unknown) => void): void
  /** Exits this process after the messages sent before have been delivered. */
  exit(status: number): void
}

/** Changed rows are sent together, at most ten times a second. */
const ROWS_EVERY_MS = 100
/** More changed rows are not sent, oldest first; a service has commands for its whole table. */
const ROWS_MAX = 2000

/** Serves the supervisor until it sends `stop` or the service fails. */
export function runHost(implementations: readonly Implementation<Contract>[], channel: HostChannel): Host {
  const host = new Host(implementations, channel)
  channel.onMessage(message => {
    const parsed = toService.safeParse(message)
    if (parsed.success) void host.take(parsed.data)
  })
  return host
}

export class Host {
  readonly #implementations: readonly Implementation<Contract>[]
  readonly #channel: HostChannel
  #service: StartedService | undefined
  #stopping = false
  readonly #changedRows = new Map<string, TableRow | null>()
  #rowsTimer: NodeJS.Timeout | undefined

  constructor(implementations: readonly Implementation<Contract>[], channel: HostChannel) {
    this.#implementations = implementations
    this.#channel = channel
  }

  /** The service once it runs, for readers of its trace. */
  get service(): StartedService | undefined {
    return this.#service
  }

  async take(message: ToService): Promise<void> {
    switch (message.type) {
      case 'start': return this.#start(message)
      case 'command': return this.#command(message)
      case 'stop': return this.stop()
      default: assertNever(message)
    }
  }

  /** Reports the error and exits: nothing continues in an unplanned state. */
  fail(error: unknown): void {
    this.#channel.send({ type: 'failed', error: partsOf(error) })
    this.#channel.exit(1)
  }

  async stop(): Promise<void> {
    if (this.#stopping) return
    this.#stopping = true
    try {
      await this.#service?.stop()
    } catch (error) {
      return this.fail(error)
    }
    this.#sendRows()
    this.#channel.send({ type: 'stopped' })
    this.#channel.exit(0)
  }

  async #start({ id, settings, ...surroundings }: Extract<ToService, { type: 'start' }>): Promise<void> {
    const implementation = this.#implementations.find(({ contract }) => contract.id === id)
    try {
      if (implementation === undefined) throw new Error(`no service is called "${id}"`)
      this.#service = await startService(implementation, settings, surroundings, this.#listener())
      this.#channel.send({ type: 'ready', endpoints: [...this.#service.endpoints], pinned: this.#service.pinned })
    } catch (error) {
      this.fail(error)
    }
  }

  async #command({ call, name, ask }: Extract<ToService, { type: 'command' }>): Promise<void> {
    try {
      if (this.#service === undefined) throw new Error('the service is not running yet')
      this.#channel.send({ type: 'reply', call, value: await this.#service.command(name, ask) })
    } catch (error) {
      this.#channel.send({ type: 'refusal', call, error: partsOf(error) })
    }
  }

  #listener(): ServiceListener {
    return {
      contractLine: text => this.#channel.send({ type: 'line', to: 'contract', text }),
      log: text => this.#channel.send({ type: 'line', to: 'log', text }),
      event: (name, data) => this.#channel.send({ type: 'event', name, data }),
      health: reason => this.#channel.send({ type: 'health', reason }),
      endpoints: endpoints => this.#channel.send({ type: 'endpoints', endpoints: [...endpoints] }),
      failed: error => this.fail(error),
      row: (key, row) => {
        this.#changedRows.delete(key)
        this.#changedRows.set(key, row === undefined ? null : { ...row })
        if (this.#changedRows.size > ROWS_MAX) this.#changedRows.delete(this.#changedRows.keys().next().value ?? '')
        this.#rowsTimer ??= setTimeout(() => this.#sendRows(), ROWS_EVERY_MS)
      },
    }
  }

  #sendRows(): void {
    clearTimeout(this.#rowsTimer)
    this.#rowsTimer = undefined
    if (this.#changedRows.size === 0) return
    this.#channel.send({ type: 'rows', changes: [...this.#changedRows] })
    this.#changedRows.clear()
  }
}
