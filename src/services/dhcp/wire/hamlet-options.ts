/**
 * What Hamlet's server sends to Hamlet's clients beyond the standard options: vendor-specific information, option 43
 * (RFC 2132 §8.4), under the vendor class "Hamlet" that client and server both send in option 60. Its value is a list
 * of sub-options:
 *
 *     +---+---+-------------------+---+---+---------------------+-----+
 *     | 1 | 2 | DNS port (uint16) | 2 | 2 | admin port (uint16) | 255 |
 *     +---+---+-------------------+---+---+---------------------+-----+
 */
export const HAMLET_CLASS = 'Hamlet'

/**
 * The client identifier (option 61, type 0: not a hardware address) of a client that only checks whether a server
 * answers. The server offers the address it would allocate next, and does not hold it.
 */
export const PROBE_IDENTIFIER = Uint8Array.of(0, ...Array.from('Hamlet probe', character => character.charCodeAt(0)))

/** The ports of the DNS server, which option 6 has no room for. */
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

/** Ignores sub-options of other codes or lengths: a newer Hamlet may send more. */
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
