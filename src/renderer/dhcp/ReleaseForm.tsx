/** Ends a lease before it expires. */
import { useState } from 'react'
import { dhcp } from '../../services/dhcp/contract.ts'
import { bridge } from '../bridge.ts'
import { CommandForm } from '../ui/CommandForm.tsx'
import { Field } from '../ui/Field.tsx'

export function ReleaseForm() {
  const [address, setAddress] = useState('')
  const [wrong, setWrong] = useState<string>()

  const release = async () => {
    const ask = dhcp.commands.release.ask.safeParse({ yiaddr: address.trim() })
    setWrong(ask.success ? undefined : 'not an IPv4 address')
    if (!ask.success) return []
    const reply = await bridge().invoke('service:command', { id: 'dhcp', name: 'release', ask: ask.data })
    if (reply.error !== undefined) return reply.error
    const { released } = dhcp.commands.release.reply.parse(reply.value)
    return [released ? `${ask.data.yiaddr} was released.` : `${ask.data.yiaddr} was not leased.`]
  }
  return (
    <CommandForm title="Release an address" submitLabel="Release" isSingle onSubmit={release}>
      <Field label="Address" placeholder="192.168.1.50" value={address} error={wrong} onChange={setAddress} />
    </CommandForm>
  )
}
