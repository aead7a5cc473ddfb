/** Takes a lent address back before its time. */
import { useState, type FormEvent } from 'react'
import { dhcp } from '../../services/dhcp/contract.ts'
import { partsOf } from '../../services/kit/errors.ts'
import { bridge } from '../bridge.ts'
import { Button } from '../ui/Button.tsx'
import { ErrorSentence, type ErrorSentenceProps } from '../ui/ErrorSentence.tsx'
import { Field } from '../ui/Field.tsx'

export function ReleaseForm() {
  const [address, setAddress] = useState('')
  const [wrong, setWrong] = useState<string>()
  const [answer, setAnswer] = useState('')
  const [error, setError] = useState<ErrorSentenceProps['error']>()

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setError(undefined)
    setAnswer('')
    const ask = dhcp.commands.release.ask.safeParse({ yiaddr: address.trim() })
    setWrong(ask.success ? undefined : 'not an IPv4 address')
    if (!ask.success) return
    try {
      const reply = await bridge().invoke('service:command', { id: 'dhcp', name: 'release', ask: ask.data })
      if (reply.error !== undefined) return setError(reply.error)
      const { released } = dhcp.commands.release.reply.parse(reply.value)
      setAnswer(released ? `${ask.data.yiaddr} is free again.` : `${ask.data.yiaddr} was not lent.`)
    } catch (thrown) {
      setError(partsOf(thrown))
    }
  }
  return (
    <section aria-label="Take an address back">
      <h2>Take an address back</h2>
      <form className="inline-form inline-form-single" onSubmit={event => { void submit(event) }}>
        <Field label="Address" placeholder="192.168.1.50" value={address} error={wrong} onChange={setAddress} />
        <Button type="submit">Release</Button>
        <p className="inline-answer" role="status">{answer}</p>
      </form>
      {error !== undefined && <ErrorSentence error={error} onDismiss={() => setError(undefined)} />}
    </section>
  )
}
