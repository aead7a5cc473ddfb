/** Parses flags and prints `--help`, both from the schema that declares the flags. */
import { parseArgs } from 'node:util'
import type { z } from 'zod'
import { settingFields, type SettingField } from '../kit/contract.ts'
import { UsageError } from '../kit/errors.ts'
import type { Command } from './command.ts'
import { didYouMean } from './did-you-mean.ts'

/** The given flag values by name, not yet checked against the schema. */
export type RawFlags = Record<string, string | number | boolean | string[]>

/**
 * Splits arguments into flags and positionals.
 * @throws UsageError for a flag that is unknown, lacks its value, must be a whole number, or is given twice
 */
export function readFlags(command: Command, argv: readonly string[]): { flags: RawFlags; positionals: string[] } {
  const fields = new Map(settingFields({ settings: command.flags }).map(field => [field.name, field]))
  const options = Object.fromEntries([...fields].map(([name, { kind }]) => [name, { type: kind === 'boolean' ? 'boolean' as const : 'string' as const }]))
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true })
  const flags: RawFlags = {}
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const field = fields.get(token.name)
    if (field === undefined || !token.rawName.startsWith('--')) throw unknownFlag(command, token.rawName, [...fields.keys()])
    flags[field.name] = valueOf(field, token.value, flags[field.name])
  }
  const most = command.positionals.length
  const least = command.positionals.filter(name => !name.startsWith('[')).length
  if (positionals.length > most) throw new UsageError(`"${positionals[most] ?? ''}" is one argument too many`, `hamlet ${command.name} takes ${most === 0 ? 'flags only' : command.positionals.join(' ')}`, `run "hamlet ${command.name} --help"`)
  if (positionals.length < least) throw new UsageError(`${command.positionals[positionals.length] ?? ''} is missing`, `hamlet ${command.name} takes ${command.positionals.join(' ')}`, `run "hamlet ${command.name} --help"`)
  return { flags, positionals }
}

function valueOf(field: SettingField, text: string | undefined, before: RawFlags[string] | undefined): RawFlags[string] {
  const flag = `--${field.name}`
  if (field.kind === 'boolean') {
    if (text !== undefined) throw new UsageError(`${flag} takes no value`, `"${text}" was given`, `write just ${flag}`)
    return true
  }
  if (text === undefined || text.startsWith('--')) throw new UsageError(`${flag} needs a value`, 'none was given', `write ${flag} ${placeholderOf(field)}`)
  if (field.kind === 'list') return [...(Array.isArray(before) ? before : []), text]
  if (before !== undefined) throw new UsageError(`${flag} is given twice`, 'it takes one value', `give ${flag} once`)
  if (field.kind !== 'integer') return text
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`${flag} cannot be "${text}"`, 'it takes a whole number', `write ${flag} ${field.placeholder}`)
  return Number(text)
}

function unknownFlag(command: Command, rawName: string, known: readonly string[]): UsageError {
  const wanted = rawName.replace(/^-+/, '').replace(/-/g, '_')
  const near = didYouMean(wanted, known)
  return new UsageError(`${rawName} is not a flag of "hamlet ${command.name}"`, 'there is no such flag', near === undefined ? `run "hamlet ${command.name} --help"` : `try --${near}`)
}

/**
 * Checks flags against the schema of their command.
 * @throws UsageError that names the first invalid flag
 */
export function checkFlags<Flags extends z.ZodObject>(command: Command<Flags>, raw: Readonly<Record<string, unknown>>): z.output<Flags> {
  const parsed = command.flags.safeParse(raw)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const name = String(issue?.path[0] ?? '')
  throw new UsageError(`--${name} cannot be ${JSON.stringify(raw[name])}`, issue?.message ?? 'it is not valid', `run "hamlet ${command.name} --help"`)
}

/** The text of `hamlet <command> --help`. */
export function helpOf(command: Command): string {
  const fields = settingFields({ settings: command.flags })
  const left = fields.map(field => `  --${field.name}${field.kind === 'boolean' ? '' : ` ${placeholderOf(field)}`}`)
  const width = Math.max(...left.map(text => text.length), 0)
  const usage = ['hamlet', command.name, ...command.positionals, ...fields.map(usageOf)].join(' ')
  const lines = fields.map((field, index) => `${(left[index] ?? '').padEnd(width)}  ${describe(field)}`)
  return [command.summary, '', `Usage: ${usage}`, '', ...lines, `${'  --help'.padEnd(width)}  show this help`, ''].join('\n')
}

function usageOf(field: SettingField): string {
  const flag = field.kind === 'boolean' ? `--${field.name}` : `--${field.name} ${placeholderOf(field)}`
  return field.required ? flag : `[${flag}]${field.kind === 'list' ? '...' : ''}`
}

/** `PORT`, or the choices themselves: `off|offered|required`. */
function placeholderOf({ choices, placeholder }: SettingField): string {
  return choices.length === 0 ? placeholder : choices.join('|')
}

function describe(field: SettingField): string {
  const standard = field.kind === 'boolean' ? '' : Array.isArray(field.default) ? field.default.join(', ') : String(field.default ?? '')
  return `${field.help}${standard === '' ? '' : ` (default: ${standard})`}${field.required ? ' (required)' : ''}`
}
