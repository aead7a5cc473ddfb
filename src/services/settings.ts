/** The user's choices: the mode, which roles are on, and their settings. Stored in settings.json, which the window writes and the CLI reads. */
import { z } from 'zod'
import { contracts, SERVICE_IDS, type ServiceId } from './contracts.ts'
import type { UncheckedSettings } from './kit/contract.ts'

export const SETTINGS_VERSION = 1

/** `local`: this computer only, loopback. `lan`: all interfaces, server and client on different machines. */
export const MODES = ['local', 'lan'] as const
export type Mode = (typeof MODES)[number]

export interface RoleSettings {
  /** The role was on when Hamlet last ran, and is started again. */
  readonly on: boolean
  /** Only what the user chose; defaults are not stored. */
  readonly settings: UncheckedSettings
}

export interface Settings {
  readonly version: typeof SETTINGS_VERSION
  readonly mode: Mode
  readonly roles: Readonly<Record<ServiceId, RoleSettings>>
}

const role = z.object({ on: z.boolean().default(false), settings: z.record(z.string(), z.unknown()).default({}) })

/** The content of settings.json. A role missing from the file gets its defaults; unknown keys are dropped. */
export const settingsFile = z.object({
  version: z.literal(SETTINGS_VERSION),
  mode: z.enum(MODES).default('local'),
  roles: z.record(z.string(), role).default({}),
}).transform(({ version, mode, roles }): Settings => ({
  version, mode,
  // One entry per id of the list, as the type says.
  roles: Object.fromEntries(SERVICE_IDS.map(id => [id, roles[id] ?? role.parse({})])) as Record<ServiceId, RoleSettings>,
}))

/** The keys that the file may have at each level; an empty object allows any. */
interface KnownKeys { readonly [name: string]: KnownKeys }

const KNOWN_KEYS: KnownKeys = {
  version: {}, mode: {},
  roles: Object.fromEntries(contracts.map(({ id, settings }) => [id, { on: {}, settings: Object.fromEntries(Object.keys(settings.shape).map(name => [name, {}])) }])),
}

/** The first key of a settings file that this version does not know, such as `roles.dchp`, and the keys it knows at that level. */
export function unknownKey(file: unknown, keys: KnownKeys = KNOWN_KEYS, prefix = ''): { readonly key: string; readonly known: readonly string[] } | undefined {
  const known = Object.keys(keys)
  if (known.length === 0 || typeof file !== 'object' || file === null) return undefined
  for (const [name, value] of Object.entries(file)) {
    const found = known.includes(name) ? unknownKey(value, keys[name], `${prefix}${name}.`) : { key: prefix + name, known }
    if (found !== undefined) return found
  }
  return undefined
}

export const defaultSettings: Settings = settingsFile.parse({ version: SETTINGS_VERSION })
