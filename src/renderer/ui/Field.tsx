/** A text field of one or more lines, with its label, help and error. */
import { FieldError, Input, Label, Text, TextArea, TextField } from 'react-aria-components'

export interface FieldProps {
  readonly label: string
  readonly help?: string
  readonly placeholder?: string
  readonly value: string
  readonly error?: string | undefined
  readonly isNumeric?: boolean
  /** Initial height of a multi-line field; undefined: a single line. */
  readonly rows?: number | undefined
  readonly onChange: (value: string) => void
}

/** Longest text that a field accepts, in UTF-16 code units. */
const LENGTH_MAX = 4096

export function Field({ label, help, placeholder = '', value, error, isNumeric = false, rows, onChange }: FieldProps) {
  return (
    <TextField className="field" value={value} onChange={onChange} isInvalid={error !== undefined} maxLength={LENGTH_MAX} validationBehavior="aria">
      <Label className="field-label">{label}</Label>
      {rows === undefined
        ? <Input className="field-input" placeholder={placeholder} inputMode={isNumeric ? 'numeric' : 'text'} autoComplete="off" spellCheck={false} />
        : <TextArea className="field-input" placeholder={placeholder} rows={rows} autoComplete="off" spellCheck={false} />}
      <FieldError className="field-error">{error}</FieldError>
      {help !== undefined && help !== '' && <Text slot="description" className="field-help">{help}</Text>}
    </TextField>
  )
}
