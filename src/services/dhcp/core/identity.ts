/** Who asks: RFC 2131 §4.2. */
import { MalformedPacket } from '../../kit/errors.ts'
import { formatHex, formatMac } from '../wire/hardware-address.ts'
import { FQDN_FLAGS } from '../wire/domain-names.ts'
import type { Message } from '../wire/message.ts'
import type { Client } from './binding.ts'

/** One option (RFC 2132 §9.14); what is joined from several is nobody's identifier. */
const KEY_BYTES_MAX = 255
const HOST_NAME_LENGTH_MAX = 63

/**
 * A client is known by its identifier where it names one, else by its hardware address in the form that RFC 2132 §9.14 gives
 * an identifier. A client that has a reservation by hardware address is known by that, whatever identifier it names: the
 * systems that one machine boots name different ones, and all are meant.
 * @param isReserved says whether a key has a reservation
 * @returns undefined where the message names nobody
 * @throws MalformedPacket: an identifier longer than 255 bytes
 */
export function clientOf({ htype, chaddr, options }: Message, isReserved: (key: string) => boolean): Client | undefined {
  const hardware = chaddr.length > 0 ? formatHex(hardwareIdentifier(htype, chaddr)) : ''
  const named = options.clientIdentifier
  if (named !== undefined && named.length > KEY_BYTES_MAX) throw new MalformedPacket(0, 'RFC 2132 §9.14', `a client identifier of ${named.length} bytes, ${KEY_BYTES_MAX} at most`)
  const identifier = named === undefined ? '' : formatHex(named)
  const key = identifier === '' || (!isReserved(identifier) && isReserved(hardware)) ? hardware : identifier
  if (key === '') return undefined
  const unlisted = ((options.clientFqdn?.flags ?? 0) & FQDN_FLAGS.N) !== 0 ? true : undefined
  return { key, mac: chaddr.length > 0 ? formatMac(chaddr) : key, hostName: hostNameOf(options), unlisted }
}

/** Hardware type and address as a client identifier (RFC 2132 §9.14). */
function hardwareIdentifier(htype: number, chaddr: Uint8Array): Uint8Array {
  const identifier = new Uint8Array(1 + chaddr.length)
  identifier[0] = htype
  identifier.set(chaddr, 1)
  return identifier
}

/**
 * What the client calls itself: the first label of option 81, else option 12, which does not count beside it (RFC 4702 §3.1). Only for
 * people to read: any characters may be in it.
 */
function hostNameOf({ hostName = '', clientFqdn }: Message['options']): string {
  const [label = ''] = clientFqdn?.name.split('.') ?? []
  const name = label === '' ? hostName : label
  return name.slice(0, HOST_NAME_LENGTH_MAX).replace(/[^\x21-\x7e]/g, '?')
}
