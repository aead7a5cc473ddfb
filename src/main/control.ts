/** Everything the window can see and do: the roles of this machine, their settings, logs and tables. */
import { app, MessageChannelMain, type BrowserWindow } from 'electron'
import { randomBytes } from 'node:crypto'
import { client } from '../services/client/contract.ts'
import { contractOf, contracts, SERVICE_IDS, type ServiceId } from '../services/contracts.ts'
import { partsOf, type ErrorParts } from '../services/kit/errors.ts'
import { isUp } from '../services/kit/host-protocol.ts'
import { saveSettings } from '../services/kit/node/settings-file.ts'
import { Supervisor, type ServiceStatus } from '../services/kit/node/supervisor.ts'
import { parseSettings } from '../services/kit/node/service.ts'
import { Roles } from '../services/roles/roles.ts'
import type { Settings } from '../services/settings.ts'
import type { Ask, logLine, Pushed, Pushes, Reply, Snapshot } from '../preload/contract.ts'
import type { z } from 'zod'
import { BrowserSession } from './browser-session.ts'
import { runtimeName } from './electron-compat.ts'
import { pushTo, type Handlers } from './ipc.ts'
import { saveFile } from './save-file.ts'
import { savePdf } from './save-pdf.ts'
import type { UtilityLauncher } from './utility-launcher.ts'

const LOG_LINES_MAX = 500
const NOTICES_MAX = 20

export interface ControlOptions {
  readonly window: () => BrowserWindow | undefined
  readonly launcher: (output: (id: string, text: string) => void) => UtilityLauncher
  readonly dataFolder: string
  readonly assetsFolder: string
  readonly settings: Settings
}

export class Control {
  readonly handlers: Handlers
  readonly #options: ControlOptions
  readonly #supervisor: Supervisor
  readonly #roles: Roles
  readonly #launcher: UtilityLauncher
  readonly #browser: BrowserSession
  readonly #logs = new Map<string, z.output<typeof logLine>[]>()
  readonly #notices: string[] = []
  #settings: Settings

  constructor(options: ControlOptions) {
    this.#options = options
    this.#settings = options.settings
    const credentials = { user: 'hamlet', password: randomBytes(16).toString('hex') }
    this.#browser = new BrowserSession(credentials, { open: url => this.#push('browser:open', { url }), perform: shortcut => this.#push('shortcut', { shortcut }), notify: sentence => this.notice(sentence) })
    this.#launcher = options.launcher((id, text) => this.#line(id, 'log', text))
    this.#supervisor = new Supervisor(contracts, this.#launcher.launch, {
      status: status => this.#status(status),
      line: (id, to, text) => this.#line(id, to, text),
      event: (id, name, data) => this.#push('service:event', { id: serviceIdOf(id), name, data }),
      rows: (id, changes) => this.#push('service:rows', { id: serviceIdOf(id), changes: changes.map(([key, row]) => [key, row]) }),
    })
    this.#roles = new Roles({
      supervisor: this.#supervisor,
      listener: { notice: text => this.notice(text), lamp: (id, lamp) => this.#push('lamp', { id, lamp }) },
      dataFolder: options.dataFolder, assetsFolder: options.assetsFolder,
      secrets: { proxy_user: credentials.user, proxy_password: credentials.password },
    })
    this.#roles.mode = this.#settings.mode
    this.handlers = this.#makeHandlers()
  }

  /** Starts the roles that were on when Hamlet last quit. */
  async restore(): Promise<void> {
    await this.#browser.useProxy(undefined)
    await this.#startWhatIsOn() // a role that fails shows it in its status
    if (this.#settings.roles.client.on) this.#push('browser:first', {})
  }

  /** Stops all services in order. Does not change which of them are on at the next start. */
  stopAll(): Promise<void> {
    return this.#roles.stopAll()
  }

  notice(text: string): void {
    this.#notices.push(text)
    this.#notices.splice(0, Math.max(0, this.#notices.length - NOTICES_MAX))
    this.#push('notice', { text })
  }

  #makeHandlers(): Handlers {
    return {
      'app:snapshot': () => Promise.resolve(this.#snapshot()),
      'roles:start': async () => {
        const wasUp = this.#isUp('client')
        const faults = await this.#roles.startAll(mapRoles(id => this.#settings.roles[id].settings))
        const unsaved = await this.#remember(mapRoles(id => ({ on: this.#isUp(id) })))
        if (this.#isUp('client')) {
          await this.#roles.probeAll()
          if (!wasUp) this.#push('browser:first', {})
        }
        return { error: faults[0] ?? unsaved }
      },
      'roles:stop': async () => {
        await this.#roles.stopAll()
        return { error: await this.#remember(mapRoles(() => ({ on: false }))) }
      },
      'mode:set': async ({ mode }) => {
        await this.#roles.stopAll()
        this.#roles.mode = mode
        const unsaved = await this.#save({ ...this.#settings, mode })
        this.#push('mode', { mode })
        const faults = await this.#startWhatIsOn()
        return { error: faults[0] ?? unsaved }
      },
      'service:start': async ({ id, settings }) => {
        parseSettings(contractOf(id), settings)
        const unsaved = await this.#remember({ [id]: { on: true, settings } })
        this.#push('service:settings', { id, settings })
        await this.#roles.start(id, settings)
        return { error: unsaved }
      },
      'service:stop': async ({ id }) => {
        await this.#roles.stop(id)
        return { error: await this.#remember({ [id]: { on: false } }) }
      },
      'service:command': async ({ id, name, ask }) => ({ value: await this.#supervisor.command(id, name, ask) }),
      'qlog:save': ask => this.#saveQlog(ask),
      'pcapng:save': ask => this.#savePackets(ask),
      'pdf:save': ask => this.#savePdf(ask),
      'window:zoom': ({ to }) => {
        const contents = this.#options.window()?.webContents
        contents?.setZoomLevel(zoomed(contents.getZoomLevel(), to))
        return Promise.resolve({})
      },
      'browser:transport': async ({ webContentsId, transport }) => {
        await this.#browser.setTransport(webContentsId, transport)
        return {}
      },
      'browser:load': ({ webContentsId, url }) => {
        this.#browser.load(webContentsId, url)
        return Promise.resolve({})
      },
      'trace:open': ({ id }, { sender }) => {
        const { port1, port2 } = new MessageChannelMain()
        if (this.#launcher.attachTrace(id, port1)) sender.postMessage('trace:port', { type: 'trace:port', id }, [port2])
        return Promise.resolve({})
      },
    }
  }

  async #saveQlog({ id, connection }: Ask<'qlog:save'>): Promise<Reply<'qlog:save'>> {
    const window = this.#options.window()
    if (window === undefined) return {}
    let fullAtMs: number | undefined
    const text = async () => {
      const recorded = client.commands.qlog.reply.parse(await this.#supervisor.command(id, 'qlog', { connection }))
      fullAtMs = recorded.fullAtMs
      return recorded.qlog
    }
    const path = await saveFile(window, { title: 'Export qlog', fileName: `hamlet-${id}-${connection}.qlog`, kind: 'qlog', extension: 'qlog' }, text)
    return { path, fullAtMs }
  }

  async #savePackets({ id, bytes }: Ask<'pcapng:save'>): Promise<Reply<'pcapng:save'>> {
    const window = this.#options.window()
    if (window === undefined) return {}
    return { path: await saveFile(window, { title: 'Export packets', fileName: `hamlet-${id}.pcapng`, kind: 'Wireshark capture', extension: 'pcapng' }, () => Promise.resolve(bytes)) }
  }

  async #savePdf({ webContentsId }: Ask<'pdf:save'>): Promise<Reply<'pdf:save'>> {
    const window = this.#options.window()
    const contents = webContentsId === undefined ? window?.webContents : this.#browser.tab(webContentsId)
    if (window === undefined || contents === undefined) return {}
    const path = await savePdf(window, contents)
    if (path !== undefined) this.notice(`Saved as ${path}.`)
    return {}
  }

  #snapshot(): Snapshot {
    return {
      mode: this.#settings.mode,
      services: mapRoles(id => ({
        status: shown(this.#supervisor.status(id)),
        settings: this.#settings.roles[id].settings,
        rows: this.#supervisor.rows(id).map(([key, row]) => [key, row]),
        log: this.#logs.get(id) ?? [],
        lamp: this.#roles.lamp(id),
      })),
      notices: this.#notices,
      runtime: runtimeName(),
      version: app.getVersion(),
    }
  }

  #startWhatIsOn(): Promise<ErrorParts[]> {
    const { roles } = this.#settings
    return this.#roles.startAll(Object.fromEntries(SERVICE_IDS.filter(id => roles[id].on).map(id => [id, roles[id].settings])))
  }

  #status(status: ServiceStatus): void {
    if (status.id === 'client' && status.state === 'running') {
      const port = status.endpoints.find(({ name }) => name === 'proxy')?.port
      this.#browser.useProxy(port).catch((error: unknown) => this.notice(partsOf(error).why))
    }
    this.#push('service:status', shown(status))
    this.#roles.stateChanged(serviceIdOf(status.id))
  }

  #line(id: string, to: 'contract' | 'log', text: string): void {
    const lines = this.#logs.get(id) ?? []
    lines.push({ to, text })
    lines.splice(0, Math.max(0, lines.length - LOG_LINES_MAX))
    this.#logs.set(id, lines)
    this.#push('service:line', { id: serviceIdOf(id), line: { to, text } })
  }

  #isUp(id: ServiceId): boolean {
    return isUp(this.#supervisor.status(id))
  }

  #remember(changes: Partial<Record<ServiceId, Partial<Settings['roles'][ServiceId]>>>): Promise<ErrorParts | undefined> {
    return this.#save({ ...this.#settings, roles: mapRoles(id => ({ ...this.#settings.roles[id], ...changes[id] })) })
  }

  /**
   * @returns why the settings could not be saved. They apply all the same: a full disk must
   * not keep a user from switching a service off.
   */
  async #save(settings: Settings): Promise<ErrorParts | undefined> {
    this.#settings = settings
    try {
      await saveSettings(this.#options.dataFolder, settings)
      return undefined
    } catch (error) {
      return { ...partsOf(error), done: 'the change applies until you quit Hamlet' }
    }
  }

  #push<Channel extends keyof Pushes>(channel: Channel, pushed: Pushed<Channel>): void {
    pushTo(this.#options.window(), channel, pushed)
  }
}

function mapRoles<T>(value: (id: ServiceId) => T): Record<ServiceId, T> {
  return { 'dns': value('dns'), 'dhcp': value('dhcp'), 'app-server': value('app-server'), 'client': value('client') }
}

/** Chromium's zoom levels: each is 1.2 times the one below. The range is 70 % to 400 %. */
function zoomed(level: number, to: Ask<'window:zoom'>['to']): number {
  if (to === 'usual size') return 0
  return Math.min(7.6, Math.max(-2, level + (to === 'larger' ? 0.5 : -0.5)))
}

/** Narrows the supervisor's ids, which are plain strings but come from the same list. */
function serviceIdOf(id: string): ServiceId {
  const known = SERVICE_IDS.find(candidate => candidate === id)
  if (known === undefined) throw new Error(`no service is called "${id}"`)
  return known
}

function shown(status: ServiceStatus): Snapshot['services'][ServiceId]['status'] {
  return { ...status, id: serviceIdOf(status.id), endpoints: [...status.endpoints] }
}
