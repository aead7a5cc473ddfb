/** `hamlet up`: all roles of this machine, without a window. */
import { dirname, resolve as resolvePath } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { drawPassword } from '../../client/credentials.ts'
import { contracts, SERVICE_IDS, type ServiceId } from '../../contracts.ts'
import { filePath, folderPath } from '../../kit/contract.ts'
import { formatEndpoint, type Endpoint } from '../../kit/endpoint.ts'
import { oneLine, partsOf, HamletError, UsageError } from '../../kit/errors.ts'
import { makeDataFolder } from '../../kit/node/data-folder.ts'
import { secureRandom } from '../../kit/node/random.ts'
import { loadSettings } from '../../kit/node/settings-file.ts'
import { Supervisor } from '../../kit/node/supervisor.ts'
import { restartDelayMs } from '../../kit/restart.ts'
import { Roles } from '../../roles/roles.ts'
import { launchChild } from '../child-launcher.ts'
import { savedSettings } from '../saved-settings.ts'
import { defineCommand } from '../command.ts'
import { assetsFolder, dataFolder } from '../folders.ts'

export const up = defineCommand({
  name: 'up',
  summary: 'Starts all roles of this machine without a window: DNS, DHCP, application server, client.',
  positionals: [],
  serves: true,
  flags: z.object({
    local: z.boolean().default(false).meta({ description: 'this computer only (127.0.0.1)' }),
    lan: z.boolean().default(false).meta({ description: 'all interfaces, reachable from other machines' }),
    config: filePath('settings file to use, in the format that the window writes').optional(),
    data: folderPath('data folder; by default the one that the window uses').optional(),
  }),
  async run({ flags }, { stdout, stderr, interrupted }) {
    const stop = new AbortController()
    const stopped = interrupted().then(() => stop.abort())
    if (flags.local && flags.lan) throw new UsageError('--local and --lan cannot be combined', 'a machine has one mode', 'omit one of them')
    const folder = dataFolder(flags.data)
    await makeDataFolder(folder)
    const loaded = await loadSettings(flags.config === undefined ? folder : dirname(resolvePath(flags.config)), flags.config)
    const { settings, warning } = loaded
    if (warning !== undefined) stderr.write(`hamlet: ${warning}\n`)
    const on = SERVICE_IDS.filter(id => settings.roles[id].on)
    const chosen = (on.length > 0 ? on : SERVICE_IDS).map(id => [id, savedSettings(loaded, id)] as const)

    const titles = new Map<string, string>(contracts.map(({ id, title }) => [id, title]))
    const report = (error: unknown) => stderr.write(`hamlet: ${oneLine(error)}\n`)
    // Drawn here, so that a client that restarts after a crash keeps it.
    const password = drawPassword(secureRandom())
    let proxy = ''
    const printProxy = (endpoint: Endpoint) => {
      if (proxy === formatEndpoint(endpoint)) return
      proxy = formatEndpoint(endpoint)
      stdout.write(`proxy: http://hamlet:${password}@${proxy}\n`)
    }
    let starting: ServiceId | undefined
    const supervisor = new Supervisor(contracts, launchChild, {
      status: ({ id, state, error, reason, endpoints: [endpoint] }) => {
        if (id === 'client' && endpoint !== undefined) printProxy(endpoint)
        // While a role starts, its error is reported below: if a port is taken, another may do.
        if (error !== undefined && id !== starting) report(new HamletError(error))
        else if (reason !== undefined) stderr.write(`hamlet: ${titles.get(id) ?? id} is ${state}: ${reason}\n`)
      },
      line: (id, to, text) => to === 'contract' ? stdout.write(`${text}\n`) : stderr.write(`${id}: ${text}\n`),
      event: () => undefined,
      rows: () => undefined,
    })
    const roles = new Roles({
      supervisor, dataFolder: folder, assetsFolder: assetsFolder(), secrets: { proxy_user: 'hamlet', proxy_password: password },
      listener: { notice: text => stderr.write(`hamlet: ${text}\n`) },
    })
    roles.mode = flags.lan ? 'lan' : flags.local ? 'local' : settings.mode
    let missing = chosen
    const reported = new Map<ServiceId, string>()
    /** Starts the missing roles, in order. If one cannot start, the others run without it; the reason is reported once. */
    const startMissing = async (): Promise<void> => {
      const still: typeof chosen = []
      for (const role of missing) {
        if (stop.signal.aborted) return
        const [id, chosenForIt] = role
        starting = id
        try {
          await roles.start(id, chosenForIt)
        } catch (error) {
          // A signal to the whole process group, as terminals and systemd send it, has stopped this role, too.
          if (stop.signal.aborted) return
          if (partsOf(error).code === 'internal') throw error
          if (reported.get(id) !== oneLine(error)) report(error)
          reported.set(id, oneLine(error))
          if (supervisor.status(id).state === 'failed') still.push(role)
        }
      }
      starting = undefined
      missing = still
    }
    await startMissing()
    if (missing.length === chosen.length && !stop.signal.aborted) return 1
    for (let failedAtMs: number[] = []; missing.length > 0 && !stop.signal.aborted; await startMissing()) {
      failedAtMs = [...failedAtMs.slice(-7), Date.now()]
      await sleep(restartDelayMs(failedAtMs, Date.now()), undefined, { signal: stop.signal }).catch(() => undefined)
    }
    await stopped
    await roles.stopAll()
    return 0
  },
})
