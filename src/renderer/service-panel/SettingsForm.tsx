/**
 * The settings form of any service, generated from its contract. An empty field takes
 * its default; errors are shown at their field.
 */
import { useEffect, useMemo, useRef, useState, type FormEvent } from 'react'
import { settingFields, type Contract, type SettingField } from '../../services/kit/contract.ts'
import type { ErrorParts } from '../../services/kit/errors.ts'
import { Button } from '../ui/Button.tsx'
import { Field } from '../ui/Field.tsx'
import { Segmented } from '../ui/Segmented.tsx'
import { Switch } from '../ui/Switch.tsx'
import { forgetDraft, setDraft, useDrafts } from './drafts.ts'
import { labelOf } from './labels.ts'
import { placeholderOf, readValues, valuesOf, type Values } from './settings-values.ts'

export interface SettingsFormProps {
  readonly contract: Contract
  readonly settings: Readonly<Record<string, unknown>>
  readonly isRunning: boolean
  /** Saves the settings and starts the service. @returns the error, if any */
  readonly onApply: (settings: Readonly<Record<string, unknown>>) => Promise<ErrorParts | undefined>
}

export function SettingsForm({ contract, settings, isRunning, onApply }: SettingsFormProps) {
  const fields = useMemo(() => settingFields(contract), [contract])
  const draft = useDrafts(drafts => drafts[contract.id])
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({})
  const [isPending, setPending] = useState(false)
  const [outcome, setOutcome] = useState('')
  const form = useRef<HTMLFormElement>(null)
  const saved = valuesOf(fields, settings)
  const values = draft ?? saved
  useEffect(() => {
    if (Object.keys(errors).length > 0) form.current?.querySelector<HTMLElement>('.field-input[data-invalid]')?.focus()
  }, [errors])

  const advanced = fields.filter(({ isAdvanced }) => isAdvanced)
  // Changed or invalid fields are never hidden.
  const hasAdvanced = advanced.some(({ name }) => settings[name] !== undefined || values[name] !== saved[name] || errors[name] !== undefined)
  const inputs = (these: readonly SettingField[]) => these.map(field => (
    <SettingInput
      key={field.name} field={field} value={values[field.name] ?? ''} error={errors[field.name]}
      onChange={value => edit({ ...values, [field.name]: value })}
    />
  ))
  const edit = (next: Values) => {
    setDraft(contract.id, next)
    setOutcome('')
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const reading = readValues(contract, values)
    setErrors(reading.errors)
    if (Object.keys(reading.errors).length > 0) return setOutcome('Not saved. Correct the fields in red.')
    setPending(true)
    const error = await onApply(reading.settings)
    setPending(false)
    if (error === undefined) forgetDraft(contract.id, draft)
    setOutcome(error === undefined ? 'Saved.' : `${error.what}.`)
  }
  return (
    <form ref={form} className="settings" aria-label={`Settings of ${contract.title}`} noValidate onSubmit={event => { void submit(event) }}>
      <p className="settings-intro">Empty fields use the value in gray. Addresses depend on Local or LAN.</p>
      {inputs(fields.filter(({ isAdvanced }) => !isAdvanced))}
      {advanced.length > 0 && (
        <details className="settings-more" open={hasAdvanced}>
          <summary>More settings</summary>
          {inputs(advanced)}
        </details>
      )}
      <div className="settings-actions">
        <Button type="submit" isPending={isPending}>{isRunning ? 'Save and restart' : 'Save and start'}</Button>
        <Button look="quiet" onPress={() => { setErrors({}); edit(valuesOf(fields, {})) }}>Reset to defaults</Button>
      </div>
      <p className="settings-outcome" role="status">{outcome === '' && draft !== undefined ? 'Unsaved changes.' : outcome}</p>
    </form>
  )
}

interface SettingInputProps {
  readonly field: SettingField
  readonly value: string | boolean
  readonly error: string | undefined
  readonly onChange: (value: string | boolean) => void
}

function SettingInput({ field, value, error, onChange }: SettingInputProps) {
  const label = labelOf(field.name)
  if (field.kind === 'boolean') {
    return (
      <div className="setting-row">
        <span><b>{label}</b><small className="field-help">{field.help}</small></span>
        <Switch label={label} isOn={value === true} onChange={onChange} />
      </div>
    )
  }
  const text = String(value)
  if (field.kind === 'choice') {
    const chosen = text === '' ? String(field.default ?? '') : text
    const segments = field.choices.map(choice => ({ value: choice, label: choice }))
    return (
      <div className="setting-choice">
        <div className="setting-row"><b>{label}</b><Segmented label={label} value={chosen} segments={segments} onChange={onChange} /></div>
        <span className="field-help">{field.help}</span>
      </div>
    )
  }
  return (
    <Field
      label={label} help={field.help} placeholder={placeholderOf(field)} value={text} error={error} onChange={onChange}
      isNumeric={field.kind === 'integer'} rows={field.kind === 'list' ? 2 : undefined}
    />
  )
}
