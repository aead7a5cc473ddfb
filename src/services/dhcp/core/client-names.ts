/**
 * The DNS names of clients: `kettle` becomes `kettle.home`. A client gets no name that operating systems look up
 * unasked, such as `wpad`, none that is reserved for another client, and none at all if it asks for no DNS updates (RFC
 * 4702 §2.1, the N bit).
 */
import type { Reservation } from './address-settings.ts'
import type { Client } from './binding.ts'

const LABEL_LENGTH_MAX = 63
/**
 * Names that operating systems look up on their own, to find a proxy, a tunnel or themselves. A client with such a name
 * would get their traffic.
 */
const FORBIDDEN = new Set(['wpad', 'isatap', 'localhost'])

/**
 * A host name as a label of letters, digits and hyphens (RFC 1123 §2.1): "Ophelia's Mac" → `ophelia-s-mac`. '' if
 * nothing is left, or the name is forbidden.
 */
export function labelOf(hostName: string): string {
  const [first = ''] = hostName.toLowerCase().split('.')
  const label = first.replace(/-*[^a-z0-9-][^a-z0-9]*/g, '-').replace(/^-+/, '').slice(0, LABEL_LENGTH_MAX).replace(/-+$/, '')
  return FORBIDDEN.has(label) ? '' : label
}

export class ClientNames {
  readonly #domain: string
  /**
   * The keys of the clients that a label is reserved for: one machine may have a reservation for each of its
   * interfaces.
   */
  readonly #reservedFor = new Map<string, Set<string>>()

  constructor(domain: string, reservations: readonly Reservation[] = []) {
    this.#domain = domain.toLowerCase()
    for (const { key, hostName } of reservations) {
      const label = labelOf(hostName)
      if (label !== '') this.#reservedFor.set(label, (this.#reservedFor.get(label) ?? new Set()).add(key))
    }
  }

  /** `kettle.home`; undefined if the client is to have no name. */
  nameOf({ key, hostName, unlisted }: Client): string | undefined {
    const label = labelOf(hostName)
    return label === '' || unlisted === true || this.#reservedFor.get(label)?.has(key) === false ? undefined : `${label}.${this.#domain}`
  }
}
