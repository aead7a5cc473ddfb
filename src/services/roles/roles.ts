/**
 * The roles of this machine: starts and stops them in order, falls back to free ports if the standard ones are not available, and has the
 * client service prove every lamp. The window and `hamlet up` both run this.
 */
import { appServer } from '../app-server/contract.ts'
import { client } from '../client/contract.ts'
import { SERVICE_IDS, type ServiceId } from '../contracts.ts'
import type { UncheckedSettings } from '../kit/contract.ts'
import { formatEndpoint } from '../kit/endpoint.ts'
import { HamletError, oneLine, type ErrorParts } from '../kit/errors.ts'
import { isUp, type ServiceEndpoint } from '../kit/host-protocol.ts'
import { isWildcard } from '../kit/ip-address.ts'
import { localIpv4Addresses } from '../kit/node/local-addresses.ts'
import type { Supervisor } from '../kit/node/supervisor.ts'
import type { Mode } from '../settings.ts'
import { plannedSettings, withFreePorts } from './plan.ts'

/** A lamp is lit only by proof: Hamlet's own client has received the right bytes from the service. */
export interface Lamp {
  readonly lit: boolean
  readonly sentence: string
  readonly tookMs: number
}

export interface RolesListener {
  /** One sentence for the user. */
  notice(text: string): void
  /** If absent, nobody sees the lamps, and no probes are sent for them. */
  lamp?(id: ServiceId, lamp: Lamp): void
}

export interface RolesOptions {
  readonly supervisor: Supervisor
  readonly listener: RolesListener
  readonly dataFolder: string
  readonly assetsFolder: string
  /** For the client service: the proxy's user and password. */
  readonly secrets: Readonly<Record<string, string>>
}

/** The interval until every running role is proven, and from then on. */
const PROBE_AGAIN_MS = 2_000
const PROBE_EVERY_MS = 15_000

export class Roles {
  mode: Mode = 'local'
  readonly #options: RolesOptions
  readonly #lamps = new Map<ServiceId, Lamp>()
  /** What each role was last started with: the settings as planned, before any free ports, and as the user chose them. */
  readonly #plans = new Map<ServiceId, { planned: UncheckedSettings; chosen: UncheckedSettings }>()
  #probeTimer: NodeJS.Timeout | undefined
  #probing = false

  constructor(options: RolesOptions) {
    this.#options = options
  }

  /**
   * Starts one role with the settings that the user chose. If a standard port is in use or not permitted, free ports are used and a notice
   * says so. Later roles that are already running and would now get different settings are restarted.
   * @throws HamletError if it cannot start
   */
  async start(id: ServiceId, chosen: UncheckedSettings): Promise<void> {
    await this.#startOne(id, chosen)
    for (const later of SERVICE_IDS.slice(SERVICE_IDS.indexOf(id) + 1)) {
      const plan = this.#plans.get(later)
      if (plan !== undefined && this.#runs(later) && JSON.stringify(this.#plan(later, plan.chosen)) !== JSON.stringify(plan.planned)) await this.#startOne(later, plan.chosen)
    }
    this.#probeSoon()
  }

  async #startOne(id: ServiceId, chosen: UncheckedSettings): Promise<void> {
    const settings = this.#plan(id, chosen)
    this.#plans.set(id, { planned: settings, chosen })
    try {
      await this.#launch(id, settings)
    } catch (error) {
      if (!isPortError(error)) throw error
      const endpoints = await this.#launchOnFreePorts(id, withFreePorts(id, settings, chosen), error)
      const where = endpoints.map(({ name, transport, port }) => `${name} on ${transport.toUpperCase()} port ${port}`)
      this.#options.listener.notice(oneLine(new HamletError({ ...error.parts, done: `serving ${[...new Set(where)].join(', ')} instead` })))
    }
  }

  /** @throws the first error, if none of the alternatives works either */
  async #launchOnFreePorts(id: ServiceId, alternatives: readonly UncheckedSettings[], firstError: HamletError): Promise<readonly ServiceEndpoint[]> {
    for (const settings of alternatives) {
      try {
        return await this.#launch(id, settings)
      } catch (error) {
        if (!isPortError(error)) throw error
      }
    }
    throw firstError
  }

  #plan(id: ServiceId, chosen: UncheckedSettings): UncheckedSettings {
    const dnsHost = String(this.#plans.get('dns')?.planned['host'] ?? '')
    return plannedSettings(id, { mode: this.mode, lanAddress: lanAddress(), endpoints: this.#endpoints(), dnsHost }, chosen)
  }

  /** Starts all roles that have an entry in `chosen`, in order. @returns the errors of those that could not start */
  async startAll(chosen: Readonly<Partial<Record<ServiceId, UncheckedSettings>>>): Promise<ErrorParts[]> {
    const errors: ErrorParts[] = []
    for (const id of SERVICE_IDS) {
      const settings = chosen[id]
      if (settings === undefined) continue
      try {
        await this.start(id, settings)
      } catch (error) {
        if (!(error instanceof HamletError)) throw error
        errors.push(error.parts)
      }
    }
    return errors
  }

  async stop(id: ServiceId): Promise<void> {
    await this.#options.supervisor.stop(id)
    this.#setLamp(id, { lit: false, sentence: 'switched off', tookMs: 0 })
  }

  async stopAll(): Promise<void> {
    clearTimeout(this.#probeTimer)
    for (const id of [...SERVICE_IDS].reverse()) await this.stop(id)
  }

  /** The domain name of this machine's application server. */
  get domain(): string {
    return appServer.settings.shape.domain.parse(this.#plans.get('app-server')?.chosen['domain'])
  }

  lamp(id: ServiceId): Lamp {
    return this.#lamps.get(id) ?? { lit: false, sentence: 'switched off', tookMs: 0 }
  }

  /** Call on every change of a service's state: a proof is valid only as long as the process that gave it. */
  stateChanged(id: ServiceId): void {
    if (this.#runs(id)) this.#probeSoon()
    else if (this.lamp(id).lit) this.#setLamp(id, { lit: false, sentence: 'not running', tookMs: 0 })
  }

  /** Has the client service probe each running role. */
  async probeAll(): Promise<void> {
    clearTimeout(this.#probeTimer)
    if (this.#probing) return
    this.#probing = true
    for (const id of SERVICE_IDS) this.#setLamp(id, await this.#probe(id))
    this.#probing = false
    const running = SERVICE_IDS.filter(id => this.#runs(id))
    if (running.length > 0) this.#probeTimer = setTimeout(() => void this.probeAll(), running.every(id => this.lamp(id).lit) ? PROBE_EVERY_MS : PROBE_AGAIN_MS)
  }

  #probeSoon(): void {
    if (this.#options.listener.lamp === undefined) return
    clearTimeout(this.#probeTimer)
    this.#probeTimer = setTimeout(() => void this.probeAll(), 0)
  }

  async #probe(id: ServiceId): Promise<Lamp> {
    if (!this.#runs(id)) return { lit: false, sentence: 'switched off', tookMs: 0 }
    if (!this.#runs('client')) return { lit: false, sentence: 'not proven: switch on the client, which sends the probes', tookMs: 0 }
    const endpoint = this.#options.supervisor.status(id).endpoints[0]
    if (endpoint === undefined) return { lit: false, sentence: 'it is not listening', tookMs: 0 }
    const address = isWildcard(endpoint.address) ? '127.0.0.1' : endpoint.address
    try {
      const reply = await this.#options.supervisor.command('client', 'probe', { service: id, endpoint: formatEndpoint({ address, port: endpoint.port }), name: this.domain })
      const { ok, sentence, tookMs } = proof(reply)
      return { lit: ok, sentence, tookMs }
    } catch (error) {
      return { lit: false, sentence: oneLine(error), tookMs: 0 }
    }
  }

  #setLamp(id: ServiceId, lamp: Lamp): void {
    this.#lamps.set(id, lamp)
    this.#options.listener.lamp?.(id, lamp)
  }

  #runs(id: ServiceId): boolean {
    return isUp(this.#options.supervisor.status(id))
  }

  #launch(id: ServiceId, settings: UncheckedSettings): Promise<readonly ServiceEndpoint[]> {
    const { supervisor, dataFolder, assetsFolder, secrets } = this.#options
    return supervisor.start(id, { settings, dataFolder, assetsFolder, secrets: id === 'client' ? secrets : {} })
  }

  #endpoints(): Partial<Record<ServiceId, readonly ServiceEndpoint[]>> {
    return Object.fromEntries(SERVICE_IDS.filter(id => this.#runs(id)).map(id => [id, this.#options.supervisor.status(id).endpoints]))
  }
}

const isPortError = (error: unknown): error is HamletError => error instanceof HamletError && (error.code === 'port-taken' || error.code === 'port-not-permitted')

const proof = (reply: unknown) => client.commands.probe.reply.parse(reply)

/** The first address that other machines can reach; undefined if there is none. */
function lanAddress(): string | undefined {
  return localIpv4Addresses().find(({ loopback, address }) => !loopback && !address.startsWith('169.254.'))?.address
}
