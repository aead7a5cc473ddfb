/** The implementations behind contracts.ts. Only the roots that run services read this: the CLI and main/utility-host.ts. */
import { appServerService } from './app-server/service.ts'
import { clientService } from './client/service.ts'
import { dhcpService } from './dhcp/service.ts'
import { dnsService } from './dns/service.ts'
import type { ServiceId } from './contracts.ts'
import type { Contract } from './kit/contract.ts'
import type { Implementation } from './kit/node/service.ts'

export const implementations: Readonly<Record<ServiceId, Implementation<Contract>>> = {
  // Each was checked against its own contract by `implement`; a host needs no more than "some contract".
  'dns': dnsService as unknown as Implementation<Contract>,
  'dhcp': dhcpService as unknown as Implementation<Contract>,
  'app-server': appServerService as unknown as Implementation<Contract>,
  'client': clientService as unknown as Implementation<Contract>,
}
