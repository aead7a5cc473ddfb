/**
 * Canary names: by answering that they do not exist, a network announces that it has its own DNS server. Browsers and systems
 * that would otherwise bypass this server look them up first, and stay if they are missing. In LAN mode they are, so that
 * clients find the names registered here; the table of names shows them.
 */
import { nameKey } from '../../wire/name.ts'

export interface CanaryName {
  readonly name: string
  /** Who looks it up and what that achieves; follows "does not exist: ". */
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
