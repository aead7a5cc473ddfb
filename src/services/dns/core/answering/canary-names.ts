/**
 * Names by whose absence a network says that it has a DNS server of its own. Browsers and systems that would ask another server,
 * past this one, look them up first and stay where they do not exist. In LAN mode they do not, so that the names registered here
 * are found; the table of names shows them.
 */
import { nameKey } from '../../wire/name.ts'

export interface CanaryName {
  readonly name: string
  /** What asks for it, and what it does then: the end of a sentence that begins with "does not exist:". */
  readonly effect: string
}

export const CANARY_NAMES: readonly CanaryName[] = [
  { name: 'use-application-dns.net', effect: 'Firefox asks this server instead of a DNS-over-HTTPS one' },
  { name: 'mask.icloud.com', effect: 'Apple devices ask this server instead of iCloud Private Relay' },
  { name: 'mask-h2.icloud.com', effect: 'Apple devices ask this server instead of iCloud Private Relay' },
]

const KEYS: ReadonlySet<string> = new Set(CANARY_NAMES.map(({ name }) => name))

export function isCanaryName(qname: string): boolean {
  return KEYS.has(nameKey(qname))
}
