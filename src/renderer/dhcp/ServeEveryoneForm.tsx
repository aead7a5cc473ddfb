/**
 * Lets the DHCP server serve everyone though another one answers on that network: two servers can give one address twice, so the
 * words have to be typed. Holds until the server stops.
 */
import { useState } from 'react'
import { dhcp } from '../../services/dhcp/contract.ts'
import { CONFIRMATION } from '../../services/dhcp/core/other-servers.ts'
import { bridge } from '../bridge.ts'
import { AskForm } from '../ui/AskForm.tsx'
import { Field } from '../ui/Field.tsx'

export function ServeEveryoneForm() {
  const [confirmation, setConfirmation] = useState('')

  const serveEveryone = async () => {
    const reply = await bridge().invoke('service:command', { id: 'dhcp', name: 'serve_everyone', ask: dhcp.commands.serve_everyone.ask.parse({ confirmation }) })
    return reply.error ?? ['Everyone is served until this server stops.']
  }
  return (
    <AskForm
      title="Serve beside another DHCP server" submitLabel="Confirm" isSingle onAsk={serveEveryone}
      intro="Where another DHCP server answers on port 67, this one serves Hamlet's own clients only, until you say otherwise."
    >
      <Field label={`Type "${CONFIRMATION}"`} value={confirmation} onChange={setConfirmation} />
    </AskForm>
  )
}
