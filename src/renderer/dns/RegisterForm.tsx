/** Registers a name at Hamlet's own DNS server, by the same admin line that a script would send to its admin port. */
import { useState, type FormEvent } from 'react'
import { dns } from '../../services/dns/contract.ts'
import { partsOf } from '../../services/kit/errors.ts'
import { bridge } from '../bridge.ts'
import { Button } from '../ui/Button.tsx'
import { ErrorSentence, type ErrorSentenceProps } from '../ui/ErrorSentence.tsx'
import { Field } from '../ui/Field.tsx'
import { registerLine } from './register-line.ts'

export function RegisterForm() {
  const [name, setName] = useState('')
  const [address, setAddress] = useState('')
  const [answer, setAnswer] = useState<readonly string[]>([])
  const [error, setError] = useState<ErrorSentenceProps['error']>()

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setError(undefined)
    setAnswer([])
    try {
      const line = registerLine(name, address)
      const reply = await bridge().invoke('service:command', { id: 'dns', name: 'admin', ask: { line } })
      if (reply.error !== undefined) setError(reply.error)
      else setAnswer([`> ${line}`, ...dns.commands.admin.reply.parse(reply.value).lines])
    } catch (thrown) {
      setError(partsOf(thrown))
    }
  }
  return (
    <section aria-label="Register a name">
      <h2>Register a name</h2>
      <form className="inline-form" onSubmit={event => { void submit(event) }}>
        <Field label="Name" placeholder="printer.home" value={name} onChange={setName} />
        <Field label="IP address" placeholder="192.168.1.50" value={address} onChange={setAddress} />
        <Button type="submit">Register</Button>
        <p className="inline-answer" role="status">{answer.map(line => <span key={line}>{line}<br /></span>)}</p>
      </form>
      {error !== undefined && <ErrorSentence error={error} onDismiss={() => setError(undefined)} />}
    </section>
  )
}
