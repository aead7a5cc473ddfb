/**
 * What Hamlet's server tells Hamlet's clients beyond the standard: option 43 (RFC 2132 §8.4) under the vendor class "Hamlet"
 * of option 60, which client and server both send. Its value is a list of options of its own:
 *
 *     +---+---+-------------------+---+---+---------------------+-----+
 *     | 1 | 2 | DNS port (uint16) | 2 | 2 | admin port (uint16) | 255 |
 *     +---+---+-------------------+---+---+---------------------+-----+
 */
export const HAMLET_CLASS = 'Hamlet'

/**
 * Client identifier (option 61, type 0: no hardware address) of a client that only asks whether a server answers: the server
 * offers what it would lend, and reserves nothing for it.
 */
export const PROBE_IDENTIFIER = Uint8Array.of(0, ...Array.from('Hamlet probe', character => character.charCodeAt(0)))

/** Ports that a plain DHCP option 6 has no room for. */
export interface HamletPorts {
  readonly dnsPort?: number | undefined
  readonly dnsAdminPort?: number | undefined
}

const DNS_PORT = 1
const DNS_ADMIN_PORT = 2
const END = 255

export function encodeHamletPorts({ dnsPort, dnsAdminPort }: HamletPorts): Uint8Array {
  return Uint8Array.of(...portOption(DNS_PORT, dnsPort), ...portOption(DNS_ADMIN_PORT, dnsAdminPort), END)
}

/** Sub-options of other codes or lengths are left out: a newer Hamlet may say more. */
export function decodeHamletPorts(bytes: Uint8Array): HamletPorts {
  const ports = new Map<number, number>()
  for (let at = 0; at + 1 < bytes.length && bytes[at] !== END;) {
    const length = bytes[at + 1] ?? 0
    if (length === 2 && at + 4 <= bytes.length) ports.set(bytes[at] ?? 0, ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0))
    at += 2 + length
  }
  return { dnsPort: ports.get(DNS_PORT), dnsAdminPort: ports.get(DNS_ADMIN_PORT) }
}

function portOption(code: number, port: number | undefined): number[] {
  return port === undefined ? [] : [code, 2, port >>> 8, port & 255]
}
