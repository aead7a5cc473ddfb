/** A small form that runs a command, and shows the result or the error below. */
import { useState, type FormEvent, type ReactNode } from 'react'
import { partsOf, type ErrorParts } from '../../services/kit/errors.ts'
import { Button } from './Button.tsx'
import { ErrorSentence } from './ErrorSentence.tsx'

export interface CommandFormProps {
  readonly title: string
  readonly submitLabel: string
  /** Says when to use it. */
  readonly intro?: string
  /** Has one field instead of two side by side. */
  readonly isSingle?: boolean
  /** The fields. */
  readonly children: ReactNode
  /** Returns the lines of the result, or an error; anything it throws is shown as an error too. */
  readonly onSubmit: () => Promise<readonly string[] | ErrorParts>
}

export function CommandForm({ title, submitLabel, intro, isSingle = false, children, onSubmit }: CommandFormProps) {
  const [result, setResult] = useState<readonly string[]>([])
  const [error, setError] = useState<ErrorParts>()

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setError(undefined)
    setResult([])
    try {
      const reply = await onSubmit()
      if ('what' in reply) setError(reply)
      else setResult(reply)
    } catch (thrown) {
      setError(partsOf(thrown))
    }
  }
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      {intro !== undefined && <p className="field-help">{intro}</p>}
      <form className={isSingle ? 'inline-form inline-form-single' : 'inline-form'} onSubmit={event => { void submit(event) }}>
        {children}
        <Button type="submit">{submitLabel}</Button>
        <p className="inline-result" role="status">{result.map((line, index) => <span key={`${index} ${line}`}>{line}<br /></span>)}</p>
      </form>
      {error !== undefined && <div role="alert"><ErrorSentence error={error} onDismiss={() => setError(undefined)} /></div>}
    </section>
  )
}
