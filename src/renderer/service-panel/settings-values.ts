/** Converts between saved settings and the fields of the settings form. */
import { settingFields, type Contract, type SettingField } from '../../services/kit/contract.ts'

/** The contents of the fields: a switch's state or a text; a list has one item per line. */
export type Values = Readonly<Record<string, string | boolean>>

export interface Reading {
  /** Only what the user set; an empty field has no setting, so the default applies. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Field → its error. Empty: the settings are valid. */
  readonly errors: Readonly<Record<string, string>>
}

export function valuesOf(fields: readonly SettingField[], settings: Readonly<Record<string, unknown>>): Values {
  return Object.fromEntries(fields.map(field => [field.name, valueOf(field, settings[field.name])]))
}

/** Validates with the contract's schema, so that form, command line and service agree. */
export function readValues(contract: Contract, values: Values): Reading {
  const settings: Record<string, unknown> = {}
  const errors: Record<string, string> = {}
  for (const field of settingFields(contract)) {
    const value = settingOf(field, values[field.name] ?? '')
    if (value !== undefined) settings[field.name] = value
    const error = wholeNumberError(field, value)
    if (error !== undefined) errors[field.name] = error
  }
  for (const issue of contract.settings.safeParse(settings).error?.issues ?? []) {
    const name = String(issue.path[0] ?? '')
    const item = issue.path.length > 1 ? listItem(settings[name], issue.path[1]) : ''
    errors[name] ??= settings[name] === undefined ? 'required' : `${item}${issue.message}`
  }
  return { settings, errors }
}

/** The text in an empty field: its default, or the expected format. */
export function placeholderOf({ default: taken, placeholder }: SettingField): string {
  if (taken === undefined || (Array.isArray(taken) && taken.length === 0)) return placeholder
  return Array.isArray(taken) ? taken.join('\n') : String(taken)
}

function valueOf(field: SettingField, saved: unknown): string | boolean {
  if (field.kind === 'boolean') return (saved ?? field.default) === true
  if (saved === undefined || saved === null) return ''
  return Array.isArray(saved) ? saved.join('\n') : String(saved)
}

function settingOf(field: SettingField, value: string | boolean): unknown {
  if (typeof value === 'boolean') return value === (field.default ?? false) ? undefined : value
  const text = value.trim()
  if (text === '') return undefined
  if (field.kind === 'list') return text.split('\n').map(item => item.trim()).filter(item => item !== '')
  return field.kind === 'integer' && /^-?\d{1,15}$/.test(text) ? Number(text) : text
}

function wholeNumberError({ kind, minimum, maximum }: SettingField, value: unknown): string | undefined {
  if (kind !== 'integer' || value === undefined) return undefined
  if (typeof value !== 'number') return 'not a whole number'
  const isTooSmall = minimum !== undefined && value < minimum
  const isTooLarge = maximum !== undefined && value > maximum
  return isTooSmall || isTooLarge ? `not between ${minimum ?? 'any'} and ${maximum ?? 'any'}` : undefined
}

function listItem(list: unknown, index: PropertyKey | undefined): string {
  return Array.isArray(list) && typeof index === 'number' ? `${String(list[index])}: ` : ''
}
