/** What a person chose: the mode, which roles are on, and their settings. Kept in settings.json; the window writes, the CLI reads. */
import { z } from 'zod'
import { contracts, SERVICE_IDS, type ServiceId } from './contracts.ts'
import type { UncheckedSettings } from './kit/contract.ts'

export const SETTINGS_VERSION = 1

/** `local`: this computer only, loopback. `lan`: all interfaces, server and client on different machines. */
export const MODES = ['local', 'lan'] as const
export type Mode = (typeof MODES)[number]

export interface RoleSettings {
  /** The role was on when Hamlet was last seen, and is started again. */
  readonly on: boolean
  /** Only what was chosen; defaults are not kept. */
  readonly settings: UncheckedSettings
}

export interface Settings {
  readonly version: typeof SETTINGS_VERSION
  readonly mode: Mode
  readonly roles: Readonly<Record<ServiceId, RoleSettings>>
}

const role = z.object({ on: z.boolean().default(false), settings: z.record(z.string(), z.unknown()).default({}) })

/** The content of settings.json. A role that the file does not know gets its defaults; what this Hamlet does not know is dropped. */
export const settingsFile = z.object({
  version: z.literal(SETTINGS_VERSION),
  mode: z.enum(MODES).default('local'),
  roles: z.record(z.string(), role).default({}),
}).transform(({ version, mode, roles }): Settings => ({
  version, mode,
  // One entry for each id of the list, which is what the type says.
  roles: Object.fromEntries(SERVICE_IDS.map(id => [id, roles[id] ?? role.parse({})])) as Record<ServiceId, RoleSettings>,
}))

/** The words that the file may have at each place; none: anything goes. */
interface Words { readonly [name: string]: Words }

const WORDS: Words = {
  version: {}, mode: {},
  roles: Object.fromEntries(contracts.map(({ id, settings }) => [id, { on: {}, settings: Object.fromEntries(Object.keys(settings.shape).map(name => [name, {}])) }])),
}

/** The first word of a settings file that this Hamlet does not know, such as `roles.dchp`, and those that it knows there. */
export function unknownKey(file: unknown, words: Words = WORDS, place = ''): { readonly word: string; readonly known: readonly string[] } | undefined {
  const known = Object.keys(words)
  if (known.length === 0 || typeof file !== 'object' || file === null) return undefined
  for (const [name, value] of Object.entries(file)) {
    const found = known.includes(name) ? unknownKey(value, words[name], `${place}${name}.`) : { word: place + name, known }
    if (found !== undefined) return found
  }
  return undefined
}

export const defaultSettings: Settings = settingsFile.parse({ version: SETTINGS_VERSION })
