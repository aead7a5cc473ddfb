/** A small form that asks something, and tells the answer or what went wrong below itself. */
import { useState, type FormEvent, type ReactNode } from 'react'
import { partsOf, type ErrorParts } from '../../services/kit/errors.ts'
import { Button } from './Button.tsx'
import { ErrorSentence } from './ErrorSentence.tsx'

export interface CommandFormProps {
  readonly title: string
  readonly submitLabel: string
  /** When it is of use. */
  readonly intro?: string
  /** One field, and not two side by side. */
  readonly isSingle?: boolean
  /** The fields. */
  readonly children: ReactNode
  /** Gives the answer's lines, or an error; what it throws is told too. */
  readonly onSubmit: () => Promise<readonly string[] | ErrorParts>
}

export function CommandForm({ title, submitLabel, intro, isSingle = false, children, onSubmit }: CommandFormProps) {
  const [answer, setAnswer] = useState<readonly string[]>([])
  const [error, setError] = useState<ErrorParts>()

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setError(undefined)
    setAnswer([])
    try {
      const reply = await onSubmit()
      if ('what' in reply) setError(reply)
      else setAnswer(reply)
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
        <p className="inline-answer" role="status">{answer.map((line, index) => <span key={`${index} ${line}`}>{line}<br /></span>)}</p>
      </form>
      {error !== undefined && <div role="alert"><ErrorSentence error={error} onDismiss={() => setError(undefined)} /></div>}
    </section>
  )
}
