/**
 * A service is declared once, as data: its settings, commands, events and table. The command-line flags, `--help`, the form in the
 * window, the validation of every message and the settings file all derive from this declaration.
 */
import { z } from 'zod'
import { partsOf } from './errors.ts'
import { canonicalIp, isIpAddress } from './ip-address.ts'
import { LINK_PRESETS, parseLink } from './link-text.ts'

/** Plain messages for a value that is out of range or not one of the choices; zod's own messages name its types. */
z.config({
  customError(issue) {
    if (issue.code === 'invalid_value') return `it must be one of ${issue.values.join(', ')}`
    if (issue.code === 'too_big' && isOfNumber(issue.origin)) return `it must be at most ${issue.maximum}`
    if (issue.code === 'too_small' && isOfNumber(issue.origin)) return `it must be at least ${issue.minimum}`
    return undefined
  },
})
const isOfNumber = (origin: string) => origin === 'number' || origin === 'int'

/** The request and reply of a command. */
export interface CommandSchemas {
  readonly ask: z.ZodType
  readonly reply: z.ZodType
}

/** The table in the service's panel: one row per key, with columns in the order of the row's fields. */
export interface TableDeclaration {
  readonly title: string
  /** The text in place of an empty table. */
  readonly empty: string
  readonly row: z.ZodObject<Record<string, z.ZodString>>
}

/** A table that is built only while it is being viewed: the panel requests its rows a few times a second. */
export interface LiveTableDeclaration extends TableDeclaration {
  /** A command without arguments that replies `{ rows: [key, row][] }`. */
  readonly command: string
}

export interface Contract {
  /** The name of the service everywhere, and of its folder. */
  readonly id: string
  /** `hamlet <command>` runs it alone. */
  readonly command: string
  /** The standard term: "DNS server". */
  readonly title: string
  /** One sentence for `--help` and the panel. */
  readonly summary: string
  /** Field names are flag names: `tcp_port` is `--tcp_port`. */
  readonly settings: z.ZodObject
  readonly commands: Readonly<Record<string, CommandSchemas>>
  readonly events: Readonly<Record<string, z.ZodType>>
  readonly table: TableDeclaration
  readonly liveTable?: LiveTableDeclaration
}

/** Checks a declaration at compile time and keeps its exact type. */
export function defineContract<const C extends Contract>(contract: C): C {
  return contract
}

/** Settings by name, as they come from flags, a form or a file: not validated, and without defaults. */
export type UncheckedSettings = Readonly<Record<string, unknown>>

export type SettingsOf<C extends Contract> = z.output<C['settings']>
export type EventsOf<C extends Contract> = { [Name in keyof C['events'] & string]: z.output<C['events'][Name]> }
export type AskOf<C extends Contract, Name extends keyof C['commands']> = z.output<C['commands'][Name]['ask']>
export type ReplyOf<C extends Contract, Name extends keyof C['commands']> = z.input<C['commands'][Name]['reply']>
export type RowOf<C extends Contract> = z.output<C['table']['row']>

/** A UDP or TCP port; 0 for any free one. */
export const port = (help: string) => z.int().min(0).max(65535).meta({ description: help, placeholder: 'PORT' })

/** An IPv4 or IPv6 literal. */
export const ipAddress = (help: string) =>
  z.string().refine(isIpAddress, { error: 'not an IP address' }).overwrite(canonicalIp).meta({ description: help, placeholder: 'IP' })

/** `IP` or `IP:PORT`. Kept as text, which endpoint.ts parses. */
export const endpointText = (help: string) =>
  z.string().refine(text => /^(\d+(\.\d+){3}(:\d{1,5})?|\[[0-9a-fA-F:.]+\](:\d{1,5})?|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)$/.test(text), { error: 'not an address of the form IP or IP:PORT' })
    .meta({ description: help, placeholder: 'IP[:PORT]' })

/** A file system path. An empty one, as from an unset shell variable, would mean the current folder. */
const path = (help: string, placeholder: string) => z.string().min(1, { error: 'it is empty' }).max(4096).meta({ description: help, placeholder })
export const filePath = (help: string) => path(help, 'FILE')
export const folderPath = (help: string) => path(help, 'DIR')

/** How datagrams are sent and received (kit/node/udp/door.ts). */
export const io = () => z.enum(['auto', 'batch', 'dgram']).default('auto')
  .meta({ description: 'UDP in batches with the native add-on, or one datagram per call with node:dgram; auto uses the add-on if it loads', placeholder: 'HOW', advanced: true })

const TEXT_LENGTH_MAX = 1200

/** Text that `parse` accepts; the error it throws says why not. Kept as text, and parsed again where its meaning is needed. */
export const parsedText = (parse: (text: string) => unknown) => z.string().max(TEXT_LENGTH_MAX).superRefine((text, context) => {
  try {
    parse(text)
  } catch (error) {
    const { why, remedy } = partsOf(error)
    context.addIssue({ code: 'custom', message: `${why}; ${remedy}` })
  }
})

/** Simulated link conditions (link-text.ts). */
export const linkText = () => parsedText(parseLink).optional().meta({
  description: `simulated conditions for RUDP's datagrams, such as "loss=5% delay=50ms rate=20mbit", or a preset: ${Object.keys(LINK_PRESETS).join(', ')}`, placeholder: 'CONDITIONS', advanced: true,
})

/** One setting, as the command line and the form present it. */
export interface SettingField {
  readonly name: string
  readonly kind: 'text' | 'integer' | 'boolean' | 'list' | 'choice'
  readonly help: string
  /** Stands for the value in `--help`. */
  readonly placeholder: string
  readonly required: boolean
  readonly default: unknown
  readonly minimum: number | undefined
  readonly maximum: number | undefined
  readonly choices: readonly string[]
  /** For experts: the form shows it separately. */
  readonly isAdvanced: boolean
}

const jsonField = z.object({
  type: z.string().optional(), description: z.string().default(''), placeholder: z.string().optional(), default: z.unknown().optional(),
  minimum: z.number().optional(), maximum: z.number().optional(), enum: z.array(z.string()).optional(), advanced: z.boolean().default(false),
})
const jsonObject = z.object({ properties: z.record(z.string(), jsonField), required: z.array(z.string()).default([]) })

/** The settings of a contract, or of a command without a service, in declaration order. */
export function settingFields(contract: Pick<Contract, 'settings'>): SettingField[] {
  const { properties, required } = jsonObject.parse(z.toJSONSchema(contract.settings, { io: 'input' }))
  return Object.entries(properties).map(([name, field]) => ({
    name,
    kind: kindOf(field),
    help: field.description,
    placeholder: field.placeholder ?? (field.type === 'integer' ? 'N' : name.toUpperCase()),
    required: required.includes(name),
    default: field.default,
    minimum: field.minimum,
    maximum: field.maximum,
    choices: field.enum ?? [],
    isAdvanced: field.advanced,
  }))
}

function kindOf(field: z.output<typeof jsonField>): SettingField['kind'] {
  if (field.enum !== undefined) return 'choice'
  if (field.type === 'array') return 'list'
  if (field.type === 'integer' || field.type === 'boolean') return field.type
  return 'text'
}
