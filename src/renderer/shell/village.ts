/** How the four services are called in the window: the standard term first, the word of the village only explains it. */
import type { ServiceId } from '../../services/contracts.ts'

export interface House {
  readonly term: string
  readonly word: string
  /** What it does, for somebody who has never heard of it. */
  readonly does: string
}

export const houses: Readonly<Record<ServiceId, House>> = {
  dns: { term: 'DNS', word: 'names', does: 'turns names into addresses' },
  dhcp: { term: 'DHCP', word: 'addresses', does: 'lends each visitor an address' },
  'app-server': { term: 'App server', word: 'pages', does: 'serves the pages of your site' },
  client: { term: 'Client', word: 'visitor', does: 'asks the other three, for this browser' },
}
