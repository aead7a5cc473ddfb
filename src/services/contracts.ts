/** The one list of services, in the order in which they start. */
import { appServer } from './app-server/contract.ts'
import { client } from './client/contract.ts'
import { dhcp } from './dhcp/contract.ts'
import { dns } from './dns/contract.ts'
import type { Contract } from './kit/contract.ts'
import { assert } from './kit/errors.ts'

export const contracts = [dns, dhcp, appServer, client] as const

export type ServiceId = (typeof contracts)[number]['id']
export const SERVICE_IDS: readonly ServiceId[] = contracts.map(({ id }) => id)

/** How a service is declared. */
export function contractOf(id: ServiceId): Contract {
  const contract = contracts.find(known => known.id === id)
  assert(contract !== undefined, 'an id is that of a service in the list')
  return contract
}
