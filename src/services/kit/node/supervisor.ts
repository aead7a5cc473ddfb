/**
 * Starts services in their own processes, watches them, restarts them after a crash, and stops them. It knows neither Electron nor
 * child_process: a launcher creates the processes.
 */
import type { Contract, UncheckedSettings } from '../contract.ts'
import { assertNever, HamletError, partsOf, type ErrorParts } from '../errors.ts'
import { fromService, isUp, type FromService, type ServiceEndpoint, type ServiceState, type TableRow, type ToService } from '../host-protocol.ts'
import { restartDelayMs } from '../restart.ts'

/** A process that runs one service. */
export interface ServiceProcess {
  readonly pid: number | undefined
  send(message: ToService): void
  kill(): void
}

/** Creates a process. `onExit` is called once, however it ends. */
export type Launcher = (id: string, onMessage: (message: unknown) => void, onExit: (status: number | null) => void) => ServiceProcess

export interface ServiceStatus {
  readonly id: string
  readonly state: ServiceState
  /** Why it is degraded, failed, or about to be restarted. */
  readonly error?: ErrorParts | undefined
  readonly reason?: string | undefined
  readonly endpoints: readonly ServiceEndpoint[]
  readonly pid: number | undefined
}

export interface SupervisorListener {
  status(status: ServiceStatus): void
  line(id: string, to: 'contract' | 'log', text: string): void
  event(id: string, name: string, data: unknown): void
  rows(id: string, changes: readonly (readonly [string, TableRow | null])[]): void
}

export interface StartOptions {
  readonly settings: UncheckedSettings
  readonly dataFolder: string
  readonly assetsFolder: string
  readonly secrets: Readonly<Record<string, string>>
}

const START_WITHIN_MS = 20_000
const STOP_WITHIN_MS = 5_000
const REPLY_WITHIN_MS = 30_000
const ROWS_MAX = 2000

export class Supervisor {
  readonly #services = new Map<string, SupervisedService>()

  constructor(contracts: readonly Contract[], launch: Launcher, listener: SupervisorListener) {
    for (const { id, title } of contracts) this.#services.set(id, new SupervisedService(id, title, launch, listener))
  }

  /**
   * Starts a service, or restarts it with other settings. A service that cannot start is not retried.
   * @throws HamletError the service's own error if it cannot start; service-not-running if a later `start` or `stop` replaced this one
   */
  start(id: string, order: StartOptions): Promise<readonly ServiceEndpoint[]> {
    return this.#service(id).start(order)
  }

  stop(id: string): Promise<void> {
    return this.#service(id).stop()
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#services.values()].reverse().map(service => service.stop()))
  }

  /** @throws HamletError the service's own error, timed-out, or service-not-running */
  command(id: string, name: string, ask: unknown): Promise<unknown> {
    return this.#service(id).command(name, ask)
  }

  status(id: string): ServiceStatus {
    return this.#service(id).status
  }

  /** The process of a running service. */
  process(id: string): ServiceProcess | undefined {
    return this.#service(id).process
  }

  /** The rows of a service's table that are known so far. */
  rows(id: string): readonly (readonly [string, TableRow])[] {
    return [...this.#service(id).rows]
  }

  #service(id: string): SupervisedService {
    const service = this.#services.get(id)
    if (service === undefined) throw new Error(`no service is called "${id}"`)
    return service
  }
}

interface Call {
  resolve(value: unknown): void
  reject(error: Error): void
  timer: NodeJS.Timeout
}

/** One service: its process, its state, and its pending calls. */
class SupervisedService {
  readonly #id: string
  readonly #title: string
  readonly #launcher: Launcher
  readonly #listener: SupervisorListener
  readonly rows = new Map<string, TableRow>()
  process: ServiceProcess | undefined
  status: ServiceStatus
  /** The latest request; undefined to be stopped. */
  #wanted: StartOptions | undefined
  #pinned: UncheckedSettings = {}
  #crashesAtMs: number[] = []
  #restartTimer: NodeJS.Timeout | undefined
  #starting: { resolve: (endpoints: readonly ServiceEndpoint[]) => void; reject: (error: Error) => void; timer: NodeJS.Timeout } | undefined
  #stopped: (() => void)[] = []
  readonly #calls = new Map<number, Call>()
  #nextCall = 0
  #lastError: ErrorParts | undefined

  constructor(id: string, title: string, launcher: Launcher, listener: SupervisorListener) {
    this.#id = id
    this.#title = title
    this.#launcher = launcher
    this.#listener = listener
    this.status = { id, state: 'stopped', endpoints: [], pid: undefined }
  }

  async start(options: StartOptions): Promise<readonly ServiceEndpoint[]> {
    this.#wanted = options
    if (this.process !== undefined) await this.#end()
    if (this.#wanted !== options) throw this.#superseded()
    clearTimeout(this.#restartTimer)
    this.#pinned = {}
    this.#crashesAtMs = []
    return this.#launch()
  }

  stop(): Promise<void> {
    this.#wanted = undefined
    return this.#end()
  }

  #launch(): Promise<readonly ServiceEndpoint[]> {
    const options = this.#wanted
    if (options === undefined) throw new Error('a service is launched only on request')
    this.#lastError = undefined
    this.rows.clear()
    const launched = this.#launcher(this.#id, message => this.#take(launched, message), status => this.#exited(launched, status))
    this.process = launched
    this.#setStatus('starting')
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => launched.kill(), START_WITHIN_MS)
      this.#starting = { resolve, reject, timer }
      launched.send({ type: 'start', id: this.#id, ...options, settings: { ...options.settings, ...this.#pinned } })
    })
  }

  #end(): Promise<void> {
    clearTimeout(this.#restartTimer)
    const running = this.process
    if (running === undefined) {
      this.#setStatus('stopped')
      return Promise.resolve()
    }
    return new Promise(resolve => {
      this.#stopped.push(resolve)
      if (this.status.state === 'stopping') return
      this.#setStatus('stopping')
      running.send({ type: 'stop' })
      setTimeout(() => { if (this.process === running) running.kill() }, STOP_WITHIN_MS).unref()
    })
  }

  command(name: string, ask: unknown): Promise<unknown> {
    const running = this.process
    if (running === undefined || !isUp(this.status)) return Promise.reject(this.#notRunning())
    return new Promise((resolve, reject) => {
      const call = this.#nextCall++
      const timer = setTimeout(() => {
        this.#calls.delete(call)
        reject(new HamletError({ code: 'timed-out', what: `${this.#title} did not answer "${name}"`, why: `no reply came within ${REPLY_WITHIN_MS / 1000} s`, remedy: 'try again, or restart the service' }))
      }, REPLY_WITHIN_MS)
      this.#calls.set(call, { resolve, reject, timer })
      running.send({ type: 'command', call, name, ask })
    })
  }

  #take(from: ServiceProcess, unchecked: unknown): void {
    if (from !== this.process) return
    const parsed = fromService.safeParse(unchecked)
    if (!parsed.success) return this.#listener.line(this.#id, 'log', `an invalid message from ${this.#title} was ignored`)
    const message: FromService = parsed.data
    switch (message.type) {
      case 'ready': {
        this.#pinned = message.pinned
        this.#setStatus(this.status.state === 'stopping' ? 'stopping' : 'running', { endpoints: message.endpoints })
        clearTimeout(this.#starting?.timer)
        this.#starting?.resolve(message.endpoints)
        this.#starting = undefined
        return
      }
      case 'health': {
        if (isUp(this.status)) this.#setStatus(message.reason === undefined ? 'running' : 'degraded', { endpoints: this.status.endpoints, reason: message.reason })
        return
      }
      case 'endpoints': {
        if (isUp(this.status)) this.#setStatus(this.status.state, { endpoints: message.endpoints, reason: this.status.reason })
        return
      }
      case 'reply': return this.#settle(message.call, call => call.resolve(message.value))
      case 'refusal': return this.#settle(message.call, call => call.reject(new HamletError(message.error)))
      case 'event': return this.#listener.event(this.#id, message.name, message.data)
      case 'line': return this.#listener.line(this.#id, message.to, message.text)
      case 'failed': {
        this.#lastError = message.error
        return
      }
      case 'stopped': return
      case 'rows': {
        for (const [key, row] of message.changes) {
          this.rows.delete(key)
          if (row !== null) this.rows.set(key, row)
        }
        while (this.rows.size > ROWS_MAX) this.rows.delete(this.rows.keys().next().value ?? '')
        return this.#listener.rows(this.#id, message.changes)
      }
      default: assertNever(message)
    }
  }

  #exited(from: ServiceProcess, status: number | null): void {
    if (from !== this.process) return
    const wasStopping = this.status.state === 'stopping'
    this.process = undefined
    for (const call of [...this.#calls.keys()]) this.#settle(call, ({ reject }) => reject(this.#notRunning()))
    const starting = this.#starting
    this.#starting = undefined
    clearTimeout(starting?.timer)
    const error = this.#lastError ?? {
      code: 'service-crashed' as const, what: `${this.#title} ended unexpectedly`, why: status === null ? 'its process was killed' : `its process exited with status ${status}`,
      remedy: 'check its log', proof: `pid ${from.pid ?? 'unknown'}`,
    }
    if (wasStopping) {
      this.#setStatus('stopped')
      starting?.reject(this.#superseded())
    } else if (starting !== undefined && this.#crashesAtMs.length === 0) {
      this.#setStatus('failed', { error })
      starting.reject(new HamletError(error))
    } else {
      starting?.reject(new HamletError(error))
      this.#restartLater(error)
    }
    for (const resolve of this.#stopped.splice(0)) resolve()
  }

  #restartLater(error: ErrorParts): void {
    const nowMs = Date.now()
    this.#crashesAtMs = [...this.#crashesAtMs.slice(-7), nowMs]
    const delayMs = restartDelayMs(this.#crashesAtMs, nowMs)
    this.#setStatus('failed', { error: { ...error, done: `it will be restarted in ${delayMs / 1000} s` } })
    this.#restartTimer = setTimeout(() => {
      this.#launch().catch((again: unknown) => this.#listener.line(this.#id, 'log', partsOf(again).why))
    }, delayMs)
  }

  #settle(number: number, settle: (call: Call) => void): void {
    const call = this.#calls.get(number)
    if (call === undefined) return
    this.#calls.delete(number)
    clearTimeout(call.timer)
    settle(call)
  }

  #setStatus(state: ServiceState, more: Partial<ServiceStatus> = {}): void {
    this.status = { id: this.#id, state, endpoints: [], pid: this.process?.pid, ...more }
    this.#listener.status(this.status)
  }

  #notRunning(): HamletError {
    return new HamletError({ code: 'service-not-running', what: `${this.#title} is not available`, why: 'it is not running', remedy: 'switch it on' })
  }

  #superseded(): HamletError {
    return new HamletError({ code: 'service-not-running', what: `${this.#title} was not started`, why: 'a later start or stop took precedence', remedy: 'switch it on' })
  }
}
