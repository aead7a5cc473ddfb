/** The implementations behind contracts.ts. Imported only by the programs that run services: the CLI and main/utility-host.ts. */
import { appServerService } from './app-server/service.ts'
import { clientService } from './client/service.ts'
import { dhcpService } from './dhcp/service.ts'
import { dnsService } from './dns/service.ts'
import type { ServiceId } from './contracts.ts'
import type { Contract } from './kit/contract.ts'
import type { Implementation } from './kit/node/service.ts'

export const implementations: Readonly<Record<ServiceId, Implementation<Contract>>> = {
  'dns': dnsService,
  'dhcp': dhcpService,
  'app-server': appServerService,
  'client': clientService,
}
