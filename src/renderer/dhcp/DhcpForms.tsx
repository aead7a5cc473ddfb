/** What the DHCP server's panel has of its own: take an address back; on the standard port, serve beside another server. */
import type { ServiceStatus } from '../../preload/contract.ts'
import { ReleaseForm } from './ReleaseForm.tsx'
import { ServeEveryoneForm } from './ServeEveryoneForm.tsx'

const STANDARD_PORT = 67

export function DhcpForms({ status }: { readonly status: ServiceStatus }) {
  return <>
    {status.endpoints.some(({ port }) => port === STANDARD_PORT) && <ServeEveryoneForm />}
    <ReleaseForm />
  </>
}
