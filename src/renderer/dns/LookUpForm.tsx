/**
 * Looks up a name with a real query of Hamlet's own client, and shows where
 * the answer came from: zone, cache or upstream.
 */
import { useState } from 'react'
import { client } from '../../services/client/contract.ts'
import { bridge } from '../bridge.ts'
import { CommandForm } from '../ui/CommandForm.tsx'
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
    <CommandForm title="Look up a name" submitLabel="Look up" onSubmit={lookUp}>
      <Field label="Name" placeholder="my-app.home" value={name} onChange={setName} />
      <Field label="Type" placeholder="A" value={type} onChange={setType} />
    </CommandForm>
  )
}
