/** Under the page: the four steps from an address to a page, each with its time and one sentence. */
import './journey.css'
import { journeyTitle, stripSteps, type StripStep } from './steps.ts'
import { useJourney } from './store.ts'

export function JourneyStrip() {
  const { journey, lease } = useJourney()
  return (
    <section className="journey" aria-label="Journey">
      <h2 className="journey-title">{journeyTitle(journey)}</h2>
      <ol className="journey-steps">
        {stripSteps(journey, lease).map((step, index) => <Step key={step.step} number={index + 1} {...step} />)}
      </ol>
    </section>
  )
}

function Step({ number, title, protocol, mark, state, took, sentence }: StripStep & { readonly number: number }) {
  return (
    <li className="journey-step" data-protocol={protocol} data-state={state}>
      <p className="journey-head">
        <b>{number} {title}</b>
        <span className="journey-took">{state === 'failed' ? `failed, ${took}` : took}</span>
      </p>
      <p className="journey-sentence" title={sentence}>
        <span className="journey-protocol"><span aria-hidden="true">{state === 'failed' ? '✕' : mark}</span> {protocol}</span> {sentence}
      </p>
    </li>
  )
}
