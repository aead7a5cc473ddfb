/** Asks Hamlet's own client what a name is, by a real query, and tells how the answer came about: zone, cache or upstream. */
import { useState } from 'react'
import { client } from '../../services/client/contract.ts'
import { bridge } from '../bridge.ts'
import { AskForm } from '../ui/AskForm.tsx'
import { Field } from '../ui/Field.tsx'

export function LookUpForm() {
  const [name, setName] = useState('my-app.home')
  const [type, setType] = useState('A')

  const lookUp = async () => {
    const reply = await bridge().invoke('service:command', { id: 'client', name: 'resolve', ask: { name: name.trim(), type: type.trim() } })
    if (reply.error !== undefined) return reply.error
    const { sentence, records } = client.commands.resolve.reply.parse(reply.value)
    return [sentence, ...records]
  }
  return (
    <AskForm title="Look a name up" submitLabel="Look up" onAsk={lookUp}>
      <Field label="Name" placeholder="my-app.home" value={name} onChange={setName} />
      <Field label="Type" placeholder="A" value={type} onChange={setType} />
    </AskForm>
  )
}
