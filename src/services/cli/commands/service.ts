/** `hamlet dns`, `dhcp`, `server`, `client`: one service in this process. Its flags derive from its contract. */
import { z } from 'zod'
import { folderPath, type Contract, type UncheckedSettings } from '../../kit/contract.ts'
import { makeDataFolder } from '../../kit/node/data-folder.ts'
import { startService, type Implementation, type ServiceListener } from '../../kit/node/service.ts'
import { loadSettings } from '../../kit/node/settings-file.ts'
import type { ServiceId } from '../../contracts.ts'
import { savedSettings } from '../saved-settings.ts'
import { defineCommand, type Command, type Terminal } from '../command.ts'
import { assetsFolder, dataFolder } from '../folders.ts'

const shared = {
  data: folderPath('data folder; by default the one that the window uses').optional(),
  json: z.boolean().default(false).meta({ description: 'print every event as a line of JSON on stdout, and errors and health on stderr' }),
}

export function serviceCommand(implementation: Implementation<Contract>, id: ServiceId): Command {
  const { contract } = implementation
  return defineCommand({
    name: contract.command,
    summary: contract.summary,
    positionals: [],
    serves: true,
    flags: contract.settings.extend(shared),
    async run({ flags, given }, terminal) {
      const { data, json, ...settings } = sharedFlags(flags)
      const folder = dataFolder(data)
      await makeDataFolder(folder)
      const loaded = await loadSettings(folder)
      if (loaded.warning !== undefined) terminal.stderr.write(`hamlet: ${loaded.warning}\n`)
      const flagged = Object.entries(settings).filter(([name]) => given.has(name))
      const merged = { ...savedSettings(loaded, id, given), ...Object.fromEntries(flagged) }
      return runUntilInterrupted(implementation, merged, folder, json, terminal)
    },
  })
}

/** Separates the flags that every service command has. */
function sharedFlags(flags: Record<string, unknown>): Record<string, unknown> & z.output<typeof sharedSchema> {
  return { ...flags, ...sharedSchema.parse(flags) }
}
const sharedSchema = z.object(shared)

async function runUntilInterrupted(
  implementation: Implementation<Contract>, settings: UncheckedSettings, folder: string, json: boolean, terminal: Terminal,
): Promise<0 | 1> {
  let reportFailure: (error: unknown) => void = () => undefined
  const failed = new Promise<never>((_resolve, reject) => { reportFailure = reject })
  failed.catch(() => undefined) // raced below; a failure before that must not count as unhandled
  let logged = ''
  const listener: ServiceListener = {
    contractLine: text => terminal.stdout.write(json ? `${JSON.stringify({ line: text })}\n` : `${text}\n`),
    log(text) {
      logged = text
      terminal.stderr.write(`${text}\n`)
    },
    event: (name, data) => { if (json) terminal.stdout.write(`${JSON.stringify({ event: name, ...Object(data) })}\n`) },
    row: () => undefined,
    endpoints: () => undefined,
    health(reason) {
      if (json) terminal.stderr.write(`${JSON.stringify({ health: reason ?? null })}\n`)
      else if (reason !== logged) terminal.stderr.write(`${reason ?? `${implementation.contract.title} has recovered`}\n`) // a reason that was just logged is not printed twice
    },
    failed: reportFailure,
  }
  const interrupted = terminal.interrupted()
  const service = await startService(implementation, settings, { dataFolder: folder, assetsFolder: assetsFolder(), secrets: {} }, listener)
  try {
    await Promise.race([interrupted, failed])
  } finally {
    await service.stop()
  }
  return 0
}
