/** The one list of services, in the order in which they start. */
import { appServer } from './app-server/contract.ts'
import { client } from './client/contract.ts'
import { dhcp } from './dhcp/contract.ts'
import { dns } from './dns/contract.ts'

export const contracts = [dns, dhcp, appServer, client] as const

export const SERVICE_IDS = ['dns', 'dhcp', 'app-server', 'client'] as const satisfies readonly (typeof contracts)[number]['id'][]
export type ServiceId = (typeof SERVICE_IDS)[number]
