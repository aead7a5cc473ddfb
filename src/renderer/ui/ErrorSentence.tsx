/** An error: what happened, why, what was already done, and what to do; the proof on demand. */
import { Button } from './Button.tsx'
import './ErrorSentence.css'
import { CloseIcon } from './icons.tsx'

export interface ErrorSentenceProps {
  readonly error: {
    readonly what: string
    readonly why: string
    readonly done?: string | undefined
    readonly remedy: string
    readonly proof?: string | undefined
  }
  readonly onDismiss?: (() => void) | undefined
}

export function ErrorSentence({ error, onDismiss }: ErrorSentenceProps) {
  return (
    <div className="error-sentence" role="group" aria-label={error.what}>
      <div className="error-sentence-head">
        <p className="error-sentence-what">{error.what}</p>
        {onDismiss !== undefined && <Button look="quiet" isIcon aria-label="Dismiss" onPress={onDismiss}><CloseIcon /></Button>}
      </div>
      <dl>
        <dt>Why</dt><dd>{error.why}</dd>
        {error.done !== undefined && <><dt>Already done</dt><dd>{error.done}</dd></>}
        <dt>What to do</dt><dd>{error.remedy}</dd>
      </dl>
      {error.proof !== undefined && <details><summary>Show details</summary><pre>{error.proof}</pre></details>}
    </div>
  )
}
