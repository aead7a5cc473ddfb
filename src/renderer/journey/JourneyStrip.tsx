/**
 * The journey, shown below the page: four steps, each with its time and one
 * sentence. A step that took place links to its packets.
 */
import { Button } from 'react-aria-components'
import './journey.css'
import { journeyTitle, stripSteps, type Span, type StripStep } from './steps.ts'
import { useJourney } from './store.ts'

/** A step that took place, and the page that it belongs to. */
export interface StepOfPage extends StripStep {
  readonly span: Span
  readonly number: number
  /** Undefined: no page was loaded yet; the client only has its lease. */
  readonly url: string | undefined
}

export function JourneyStrip({ onOpen }: { readonly onOpen: (step: StepOfPage) => void }) {
  const { journey, lease } = useJourney()
  return (
    <section className="journey" aria-label="Journey">
      <h2 className="journey-title">{journeyTitle(journey)}</h2>
      <ol className="journey-steps">
        {stripSteps(journey, lease).map((step, index) => {
          const { span } = step
          const number = index + 1
          return <Step key={step.step} number={number} step={step} onOpen={span && (() => onOpen({ ...step, span, number, url: journey?.url }))} />
        })}
      </ol>
    </section>
  )
}

function Step({ number, step, onOpen }: { readonly number: number; readonly step: StripStep; readonly onOpen: (() => void) | undefined }) {
  const { title, protocol, mark, state, took, sentence } = step
  const content = (
    <>
      <span className="journey-head">
        <b>{number} {title}</b>
        <span className="journey-took">{state === 'failed' ? `failed after ${took}` : took}</span>
      </span>
      <span className="journey-sentence" title={sentence}>
        <span className="journey-protocol"><span aria-hidden="true">{state === 'failed' ? '✕' : mark}</span> {protocol}</span> {sentence}
      </span>
    </>
  )
  return (
    <li className="journey-step" data-protocol={protocol} data-state={state}>
      {onOpen === undefined ? <div className="journey-content">{content}</div> : <Button className="journey-content" onPress={onOpen}>{content}<span className="visually-hidden"> Show its packets.</span></Button>}
    </li>
  )
}
