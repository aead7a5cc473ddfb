/**
 * What a client is called in the DNS: `kettle` is `kettle.home`. Nobody is called as the systems that look for a proxy would have it,
 * nor by a name that is reserved for another client, nor at all who asks for that (RFC 4702 §2.1, the N bit).
 */
import type { Client } from './binding.ts'
import type { Reservation } from './address-settings.ts'

const LABEL_LENGTH_MAX = 63
/** Names by which systems look for a proxy, a tunnel and themselves, without being asked: whoever got one would get their traffic. */
const NEVER = new Set(['wpad', 'isatap', 'localhost'])

/** A host name as a label of letters, digits and hyphens (RFC 1123 §2.1): "Ophelia's Mac" → `ophelia-s-mac`. '' where nothing is left, or it may not be had. */
export function labelOf(hostName: string): string {
  const [first = ''] = hostName.toLowerCase().split('.')
  const label = first.replace(/-*[^a-z0-9-][^a-z0-9]*/g, '-').replace(/^-+/, '').slice(0, LABEL_LENGTH_MAX).replace(/-+$/, '')
  return NEVER.has(label) ? '' : label
}

export class ClientNames {
  readonly #domain: string
  /** The clients that a label is reserved for, by Client.key: one machine may have a reservation for each of its interfaces. */
  readonly #reservedFor = new Map<string, Set<string>>()

  constructor(domain: string, reservations: readonly Reservation[] = []) {
    this.#domain = domain.toLowerCase()
    for (const { key, hostName } of reservations) {
      const label = labelOf(hostName)
      if (label !== '') this.#reservedFor.set(label, (this.#reservedFor.get(label) ?? new Set()).add(key))
    }
  }

  /** `kettle.home`; undefined: it is to have none. */
  nameOf({ key, hostName, unlisted }: Client): string | undefined {
    const label = labelOf(hostName)
    return label === '' || unlisted === true || this.#reservedFor.get(label)?.has(key) === false ? undefined : `${label}.${this.#domain}`
  }
}
