/** Identifies the client that sent a message: RFC 2131 §4.2. */
import { MalformedPacket } from '../../kit/errors.ts'
import { formatHex, formatMac } from '../wire/hardware-address.ts'
import { FQDN_FLAGS } from '../wire/domain-names.ts'
import type { Message } from '../wire/message.ts'
import type { Client } from './binding.ts'

/** What fits into one option (RFC 2132 §9.14). No real client splits its identifier over several. */
const KEY_BYTES_MAX = 255
const HOST_NAME_LENGTH_MAX = 63

/**
 * The key of a client is its client identifier if it sends one, else its hardware type and address in the form of an
 * identifier (RFC 2132 §9.14). But a client with a reservation for its hardware address is known by that, whatever
 * identifier it sends: the operating systems of one machine may send different ones, and the reservation is meant for
 * all of them.
 * @param isReserved whether a key has a reservation
 * @returns undefined if the message has neither identifier nor hardware address
 * @throws MalformedPacket if the identifier is longer than 255 bytes
 */
export function clientOf({ htype, chaddr, options }: Message, isReserved: (key: string) => boolean): Client | undefined {
  const hardware = chaddr.length > 0 ? formatHex(hardwareIdentifier(htype, chaddr)) : ''
  const sent = options.clientIdentifier
  if (sent !== undefined && sent.length > KEY_BYTES_MAX) throw new MalformedPacket(0, 'RFC 2132 §9.14', `a client identifier of ${sent.length} bytes, ${KEY_BYTES_MAX} at most`)
  const identifier = sent === undefined ? '' : formatHex(sent)
  const key = identifier === '' || (!isReserved(identifier) && isReserved(hardware)) ? hardware : identifier
  if (key === '') return undefined
  const unlisted = ((options.clientFqdn?.flags ?? 0) & FQDN_FLAGS.N) !== 0 ? true : undefined
  return { key, mac: chaddr.length > 0 ? formatMac(chaddr) : key, hostName: hostNameOf(options), unlisted }
}

/** Hardware type and address in the form of a client identifier (RFC 2132 §9.14). */
function hardwareIdentifier(htype: number, chaddr: Uint8Array): Uint8Array {
  const identifier = new Uint8Array(1 + chaddr.length)
  identifier[0] = htype
  identifier.set(chaddr, 1)
  return identifier
}

/**
 * The client's host name: the first label of option 81, which takes precedence (RFC 4702 §3.1), else option 12. Free
 * text, not necessarily a valid DNS label; unprintable characters are replaced.
 */
function hostNameOf({ hostName = '', clientFqdn }: Message['options']): string {
  const [label = ''] = clientFqdn?.name.split('.') ?? []
  const name = label === '' ? hostName : label
  return name.slice(0, HOST_NAME_LENGTH_MAX).replace(/[^\x21-\x7e]/g, '?')
}
