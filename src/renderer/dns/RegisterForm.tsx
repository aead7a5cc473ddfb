/** Registers a name with Hamlet's own DNS server, using the line that a script would send to its admin port. */
import { useState } from 'react'
import { dns } from '../../services/dns/contract.ts'
import { bridge } from '../bridge.ts'
import { CommandForm } from '../ui/CommandForm.tsx'
import { Field } from '../ui/Field.tsx'
import { registerLine } from './register-line.ts'

export function RegisterForm() {
  const [name, setName] = useState('')
  const [address, setAddress] = useState('')

  const register = async () => {
    const line = registerLine(name, address)
    const reply = await bridge().invoke('service:command', { id: 'dns', name: 'admin', ask: { line } })
    return reply.error ?? [`> ${line}`, ...dns.commands.admin.reply.parse(reply.value).lines]
  }
  return (
    <CommandForm title="Register a name" submitLabel="Register" onSubmit={register}>
      <Field label="Name" placeholder="printer.home" value={name} onChange={setName} />
      <Field label="IP address" placeholder="192.168.1.50" value={address} onChange={setAddress} />
    </CommandForm>
  )
}
