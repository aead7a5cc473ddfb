/**
 * Lets the DHCP server serve everyone though another one answers on that network: two servers can give one address twice, so the
 * words have to be typed. Holds until the server stops.
 */
import { useState, type FormEvent } from 'react'
import { dhcp } from '../../services/dhcp/contract.ts'
import { CONFIRMATION } from '../../services/dhcp/core/rivals.ts'
import { partsOf } from '../../services/kit/errors.ts'
import { bridge } from '../bridge.ts'
import { Button } from '../ui/Button.tsx'
import { ErrorSentence, type ErrorSentenceProps } from '../ui/ErrorSentence.tsx'
import { Field } from '../ui/Field.tsx'

export function ServeEveryoneForm() {
  const [confirmation, setConfirmation] = useState('')
  const [answer, setAnswer] = useState('')
  const [error, setError] = useState<ErrorSentenceProps['error']>()

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setError(undefined)
    setAnswer('')
    try {
      const reply = await bridge().invoke('service:command', { id: 'dhcp', name: 'serve_everyone', ask: dhcp.commands.serve_everyone.ask.parse({ confirmation }) })
      if (reply.error !== undefined) return setError(reply.error)
      setAnswer('Everyone is served until this server stops.')
    } catch (thrown) {
      setError(partsOf(thrown))
    }
  }
  return (
    <section aria-label="Serve beside another DHCP server">
      <h2>Serve beside another DHCP server</h2>
      <form className="inline-form inline-form-single" onSubmit={event => { void submit(event) }}>
        <Field
          label={`Type "${CONFIRMATION}"`} value={confirmation} onChange={setConfirmation}
          help="Where another DHCP server answers on port 67, this one serves Hamlet's own clients only, until you say otherwise."
        />
        <Button type="submit">Confirm</Button>
        <p className="inline-answer" role="status">{answer}</p>
      </form>
      {error !== undefined && <ErrorSentence error={error} onDismiss={() => setError(undefined)} />}
    </section>
  )
}
