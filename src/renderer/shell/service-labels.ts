/** What the window calls the four services: the standard term first, then a word that explains it. */
import type { ServiceId } from '../../services/contracts.ts'

export interface ServiceLabel {
  readonly term: string
  /** What it is about, in one word. */
  readonly gloss: string
  /** What it does, for beginners; completes "The DNS server …". */
  readonly description: string
}

export const serviceLabels: Readonly<Record<ServiceId, ServiceLabel>> = {
  dns: { term: 'DNS', gloss: 'names', description: 'turns names into addresses' },
  dhcp: { term: 'DHCP', gloss: 'addresses', description: 'gives each client an address' },
  'app-server': { term: 'App server', gloss: 'pages', description: 'serves the pages of your site' },
  client: { term: 'Client', gloss: 'visitor', description: 'uses the other three for this browser' },
}
