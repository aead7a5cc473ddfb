/**
 * A service is declared once, here as data: its settings, commands, events and table. The command-line flags, `--help`, the
 * form in the window, the check of every message and the settings file derive from this declaration.
 */
import { z } from 'zod'
import { partsOf } from './errors.ts'
import { canonicalIp, isIpAddress } from './ip-address.ts'
import { LINK_PRESETS, parseLink } from './link-text.ts'

/** What a person gave that is beyond a limit, or none of a choice, is told in plain words; zod's own name its types. */
z.config({
  customError(issue) {
    if (issue.code === 'invalid_value') return `it is none of ${issue.values.join(', ')}`
    if (issue.code === 'too_big' && isOfNumber(issue.origin)) return `it may be at most ${issue.maximum}`
    if (issue.code === 'too_small' && isOfNumber(issue.origin)) return `it has to be at least ${issue.minimum}`
    return undefined
  },
})
const isOfNumber = (origin: string) => origin === 'number' || origin === 'int'

/** What a command is asked with and what it replies. */
export interface CommandSchemas {
  readonly ask: z.ZodType
  readonly reply: z.ZodType
}

/** The table that the service's panel shows: one row a key, columns in order of the row's fields. */
export interface TableDeclaration {
  readonly title: string
  /** What an empty table says. */
  readonly empty: string
  readonly row: z.ZodObject<Record<string, z.ZodString>>
}

/** A table that is made only while somebody looks at it: the panel asks for its rows a few times a second. */
export interface LiveTableDeclaration extends TableDeclaration {
  /** The command that is asked with nothing and replies `{ rows: [key, row][] }`. */
  readonly command: string
}

export interface Contract {
  /** The name of its folder, and of the service everywhere. */
  readonly id: string
  /** `hamlet <command>` runs it alone. */
  readonly command: string
  /** Standard term first: "DNS server". */
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

/** Checks a declaration's shape at compile time and keeps its exact type. */
export function defineContract<const C extends Contract>(contract: C): C {
  return contract
}

/** By the names of a contract's settings, as flags, a form or a file give them: not checked, and without defaults. */
export type UncheckedSettings = Readonly<Record<string, unknown>>

export type SettingsOf<C extends Contract> = z.output<C['settings']>
export type EventsOf<C extends Contract> = { [Name in keyof C['events'] & string]: z.output<C['events'][Name]> }
export type AskOf<C extends Contract, Name extends keyof C['commands']> = z.output<C['commands'][Name]['ask']>
export type ReplyOf<C extends Contract, Name extends keyof C['commands']> = z.input<C['commands'][Name]['reply']>
export type RowOf<C extends Contract> = z.output<C['table']['row']>

/** A UDP or TCP port; 0 takes any free one. */
export const port = (help: string) => z.int().min(0).max(65535).meta({ description: help, placeholder: 'PORT' })

/** An IPv4 or IPv6 literal. */
export const ipAddress = (help: string) =>
  z.string().refine(isIpAddress, { error: 'not an IP address' }).overwrite(canonicalIp).meta({ description: help, placeholder: 'IP' })

/** `IP` or `IP:PORT`. The text is kept; endpoint.ts reads it. */
export const endpointText = (help: string) =>
  z.string().refine(text => /^(\d+(\.\d+){3}(:\d{1,5})?|\[[0-9a-fA-F:.]+\](:\d{1,5})?|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)$/.test(text), { error: 'not IP or IP:PORT' })
    .meta({ description: help, placeholder: 'IP[:PORT]' })

/** A path of the file system. An empty one, as of a variable that nobody set, would be the folder where Hamlet was started. */
const path = (help: string, placeholder: string) => z.string().min(1, { error: 'it is empty' }).max(4096).meta({ description: help, placeholder })
export const filePath = (help: string) => path(help, 'FILE')
export const folderPath = (help: string) => path(help, 'DIR')

/** How datagrams go in and out (kit/node/udp/door.ts). */
export const io = () => z.enum(['auto', 'batch', 'dgram']).default('auto')
  .meta({ description: 'UDP in batches by the add-on, or one datagram a call by node:dgram; auto takes the add-on where it loads', placeholder: 'HOW', advanced: true })

const TEXT_LENGTH_MAX = 1200

/** Text that `parse` takes; what it throws is the reason why not. The text is kept; who needs its meaning parses it again. */
export const parsedText = (parse: (text: string) => unknown) => z.string().max(TEXT_LENGTH_MAX).superRefine((text, context) => {
  try {
    parse(text)
  } catch (error) {
    const { why, remedy } = partsOf(error)
    context.addIssue({ code: 'custom', message: `${why}; ${remedy}` })
  }
})

/** What a link does to datagrams on purpose (link-text.ts). */
export const linkText = () => parsedText(parseLink).optional().meta({
  description: `what the link does to RUDP's datagrams on purpose, such as "loss=5% delay=50ms rate=20mbit"; or ${Object.keys(LINK_PRESETS).join(', ')}`, placeholder: 'CONDITIONS', advanced: true,
})

/** One setting, as the command line and the form see it. */
export interface SettingField {
  readonly name: string
  readonly kind: 'text' | 'integer' | 'boolean' | 'list' | 'choice'
  readonly help: string
  /** What stands for the value in `--help`. */
  readonly placeholder: string
  readonly required: boolean
  readonly default: unknown
  readonly minimum: number | undefined
  readonly maximum: number | undefined
  readonly choices: readonly string[]
  /** For those who know why they need it: the form keeps it apart. */
  readonly isAdvanced: boolean
}

const jsonField = z.object({
  type: z.string().optional(), description: z.string().default(''), placeholder: z.string().optional(), default: z.unknown().optional(),
  minimum: z.number().optional(), maximum: z.number().optional(), enum: z.array(z.string()).optional(), advanced: z.boolean().default(false),
})
const jsonObject = z.object({ properties: z.record(z.string(), jsonField), required: z.array(z.string()).default([]) })

/** The settings of a contract (or of a command that has no service) in order of declaration. */
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
