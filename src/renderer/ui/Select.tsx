/**
 * A drop-down list for long or changing options. The native element, which
 * works with keyboard, touch and screen readers.
 */

export interface Option<Value extends string> {
  readonly value: Value
  readonly label: string
}

export interface SelectProps<Value extends string> {
  readonly label: string
  readonly options: readonly Option<Value>[]
  readonly value: Value
  readonly isDisabled?: boolean
  readonly onChange: (value: Value) => void
}

export function Select<Value extends string>({ label, options, value, isDisabled = false, onChange }: SelectProps<Value>) {
  const choose = (text: string) => {
    const chosen = options.find(option => option.value === text)
    if (chosen !== undefined) onChange(chosen.value)
  }
  return (
    <label className="field">
      <span className="field-label">{label}</span>
      <select className="field-input field-select" value={value} disabled={isDisabled} onChange={event => choose(event.target.value)}>
        {options.map(option => <option key={option.value} value={option.value}>{option.label}</option>)}
      </select>
    </label>
  )
}
