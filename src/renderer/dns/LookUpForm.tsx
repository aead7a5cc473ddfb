/** Asks Hamlet's own client what a name is, by a real query, and tells how the answer came about: zone, cache or upstream. */
import { useState, type FormEvent } from 'react'
import { client } from '../../services/client/contract.ts'
import { partsOf } from '../../services/kit/errors.ts'
import { bridge } from '../bridge.ts'
import { Button } from '../ui/Button.tsx'
import { ErrorSentence, type ErrorSentenceProps } from '../ui/ErrorSentence.tsx'
import { Field } from '../ui/Field.tsx'

export function LookUpForm() {
  const [name, setName] = useState('my-app.home')
  const [type, setType] = useState('A')
  const [answer, setAnswer] = useState<readonly string[]>([])
  const [error, setError] = useState<ErrorSentenceProps['error']>()

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setError(undefined)
    setAnswer([])
    try {
      const reply = await bridge().invoke('service:command', { id: 'client', name: 'resolve', ask: { name: name.trim(), type: type.trim() } })
      if (reply.error !== undefined) return setError(reply.error)
      const { sentence, records } = client.commands.resolve.reply.parse(reply.value)
      setAnswer([sentence, ...records])
    } catch (thrown) {
      setError(partsOf(thrown))
    }
  }
  return (
    <section aria-label="Look a name up">
      <h2>Look a name up</h2>
      <form className="inline-form" onSubmit={event => { void submit(event) }}>
        <Field label="Name" placeholder="my-app.home" value={name} onChange={setName} />
        <Field label="Type" placeholder="A" value={type} onChange={setType} />
        <Button type="submit">Look up</Button>
        <p className="inline-answer" role="status">{answer.map((line, index) => <span key={`${index} ${line}`}>{line}<br /></span>)}</p>
      </form>
      {error !== undefined && <ErrorSentence error={error} onDismiss={() => setError(undefined)} />}
    </section>
  )
}
