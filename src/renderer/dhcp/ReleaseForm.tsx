/** Takes a lent address back before its time. */
import { useState } from 'react'
import { dhcp } from '../../services/dhcp/contract.ts'
import { bridge } from '../bridge.ts'
import { AskForm } from '../ui/AskForm.tsx'
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
    return [released ? `${ask.data.yiaddr} is free again.` : `${ask.data.yiaddr} was not lent.`]
  }
  return (
    <AskForm title="Take an address back" submitLabel="Release" isSingle onAsk={release}>
      <Field label="Address" placeholder="192.168.1.50" value={address} error={wrong} onChange={setAddress} />
    </AskForm>
  )
}
