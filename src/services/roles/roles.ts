/**
 * The roles of this machine: starts and stops them in order, moves to free ports where the standard ones are not to be had,
 * and has the client prove every lamp. The window and `hamlet up` both run this.
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

/** A lamp is lit only by proof: Hamlet's own client got the right bytes from the service. */
export interface Lamp {
  readonly lit: boolean
  readonly sentence: string
  readonly tookMs: number
}

export interface RolesListener {
  /** One sentence for the person. */
  notice(text: string): void
  /** Where it is left out nobody sees the lamps, and nothing is asked for their sake. */
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

/** Until all that runs is proven, and from then on. */
const PROBE_AGAIN_MS = 2_000
const PROBE_EVERY_MS = 15_000

export class Roles {
  mode: Mode = 'local'
  readonly #options: RolesOptions
  readonly #lamps = new Map<ServiceId, Lamp>()
  /** What each role was last started with: as planned, before free ports, and as the person chose. */
  readonly #plans = new Map<ServiceId, { planned: UncheckedSettings; chosen: UncheckedSettings }>()
  #probeTimer: NodeJS.Timeout | undefined
  #probing = false

  constructor(options: RolesOptions) {
    this.#options = options
  }

  /**
   * Starts one role with what the person chose. Where a standard port is taken or not permitted, free ports are taken and
   * one notice says so. Roles that run already and would be told another address now are started anew.
   * @throws HamletError where it cannot start
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
      if (!isPortTrouble(error)) throw error
      const endpoints = await this.#launchOnFreePorts(id, withFreePorts(id, settings, chosen), error)
      const where = endpoints.map(({ name, transport, port }) => `${name} on ${transport.toUpperCase()} port ${port}`)
      this.#options.listener.notice(oneLine(new HamletError({ ...error.parts, done: `serving ${[...new Set(where)].join(', ')} instead` })))
    }
  }

  /** @throws the trouble that it began with, where none of the choices is to be had */
  async #launchOnFreePorts(id: ServiceId, choices: readonly UncheckedSettings[], trouble: HamletError): Promise<readonly ServiceEndpoint[]> {
    for (const settings of choices) {
      try {
        return await this.#launch(id, settings)
      } catch (error) {
        if (!isPortTrouble(error)) throw error
      }
    }
    throw trouble
  }

  #plan(id: ServiceId, chosen: UncheckedSettings): UncheckedSettings {
    const dnsHost = String(this.#plans.get('dns')?.planned['host'] ?? '')
    return plannedSettings(id, { mode: this.mode, lanAddress: lanAddress(), endpoints: this.#endpoints(), dnsHost }, chosen)
  }

  /** Starts all roles that something was chosen for, in order. @returns the faults of those that could not start */
  async startAll(chosen: Readonly<Partial<Record<ServiceId, UncheckedSettings>>>): Promise<ErrorParts[]> {
    const faults: ErrorParts[] = []
    for (const id of SERVICE_IDS) {
      const settings = chosen[id]
      if (settings === undefined) continue
      try {
        await this.start(id, settings)
      } catch (error) {
        if (!(error instanceof HamletError)) throw error
        faults.push(error.parts)
      }
    }
    return faults
  }

  async stop(id: ServiceId): Promise<void> {
    await this.#options.supervisor.stop(id)
    this.#setLamp(id, { lit: false, sentence: 'switched off', tookMs: 0 })
  }

  async stopAll(): Promise<void> {
    clearTimeout(this.#probeTimer)
    for (const id of [...SERVICE_IDS].reverse()) await this.stop(id)
  }

  /** The name under which the application server of this machine is found. */
  get domain(): string {
    return appServer.settings.shape.domain.parse(this.#plans.get('app-server')?.chosen['domain'])
  }

  lamp(id: ServiceId): Lamp {
    return this.#lamps.get(id) ?? { lit: false, sentence: 'switched off', tookMs: 0 }
  }

  /** To be told of every change of state: a proof holds no longer than the process that gave it. */
  stateChanged(id: ServiceId): void {
    if (this.#runs(id)) this.#probeSoon()
    else if (this.lamp(id).lit) this.#setLamp(id, { lit: false, sentence: 'not running', tookMs: 0 })
  }

  /** Asks the client service for its proof of each role that runs. */
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
    if (!this.#runs('client')) return { lit: false, sentence: 'not proven: switch the client on, it does the asking', tookMs: 0 }
    const endpoint = this.#options.supervisor.status(id).endpoints[0]
    if (endpoint === undefined) return { lit: false, sentence: 'it listens nowhere', tookMs: 0 }
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

const isPortTrouble = (error: unknown): error is HamletError => error instanceof HamletError && (error.code === 'port-taken' || error.code === 'port-not-permitted')

const proof = (reply: unknown) => client.commands.probe.reply.parse(reply)

/** The first address that other machines can reach, undefined where there is none. */
function lanAddress(): string | undefined {
  return localIpv4Addresses().find(({ loopback, address }) => !loopback && !address.startsWith('169.254.'))?.address
}
