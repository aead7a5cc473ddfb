/** The list of services, in start order. */
import { appServer } from './app-server/contract.ts'
import { client } from './client/contract.ts'
import { dhcp } from './dhcp/contract.ts'
import { dns } from './dns/contract.ts'
import type { Contract } from './kit/contract.ts'
import { assert } from './kit/errors.ts'

export const contracts = [dns, dhcp, appServer, client] as const

export type ServiceId = (typeof contracts)[number]['id']
export const SERVICE_IDS: readonly ServiceId[] = contracts.map(({ id }) => id)

/** The declaration of a service. */
export function contractOf(id: ServiceId): Contract {
  const contract = contracts.find(known => known.id === id)
  assert(contract !== undefined, 'a service id is in the list of contracts')
  return contract
}
