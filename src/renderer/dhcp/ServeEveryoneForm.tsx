/**
 * Lets the DHCP server serve every device although another server answers on the network. Two servers can lease the same
 * address twice, so the user has to type a confirmation. It applies until the server stops.
 */
import { useState } from 'react'
import { dhcp } from '../../services/dhcp/contract.ts'
import { CONFIRMATION } from '../../services/dhcp/core/other-servers.ts'
import { bridge } from '../bridge.ts'
import { CommandForm } from '../ui/CommandForm.tsx'
import { Field } from '../ui/Field.tsx'

export function ServeEveryoneForm() {
  const [confirmation, setConfirmation] = useState('')

  const serveEveryone = async () => {
    const reply = await bridge().invoke('service:command', { id: 'dhcp', name: 'serve_everyone', ask: dhcp.commands.serve_everyone.ask.parse({ confirmation }) })
    return reply.error ?? ['This server now serves everyone, until it stops.']
  }
  return (
    <CommandForm
      title="Serve beside another DHCP server" submitLabel="Confirm" isSingle onSubmit={serveEveryone}
      intro="If another DHCP server answers on port 67, this one serves only Hamlet’s own clients until you confirm here."
    >
      <Field label={`Type “${CONFIRMATION}”`} value={confirmation} onChange={setConfirmation} />
    </CommandForm>
  )
}
