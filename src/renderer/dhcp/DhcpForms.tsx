/** The forms of the DHCP server's panel: release an address and, on the standard port, serve beside another server. */
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
