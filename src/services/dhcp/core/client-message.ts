/** Messages that a client sends (RFC 2131 §4.4.1, table 5). */
import { ETHERNET, OP } from '../wire/header.ts'
import { encodeMessage } from '../wire/message.ts'
import { OPTIONS, type Options } from '../wire/options.ts'

/** The options that Hamlet's client requests. */
export const PARAMETER_REQUEST_LIST = [OPTIONS.subnetMask, OPTIONS.routers, OPTIONS.dnsServers, OPTIONS.domainName, OPTIONS.broadcastAddress, OPTIONS.vendorSpecific].map(({ code }) => code)

/**
 * @param secs since the client began to acquire or renew its address
 * @param ciaddr the client's address; 0 for none
 */
export function encodeClientMessage(mac: Uint8Array, xid: number, secs: number, ciaddr: number, options: Options): Uint8Array {
  return encodeMessage({
    op: OP.request, htype: ETHERNET, hops: 0, xid, secs, broadcast: true,
    ciaddr, yiaddr: 0, siaddr: 0, giaddr: 0, chaddr: mac, sname: '', file: '', options,
  })
}

/** The client identifier made of a hardware type and address (RFC 2132 §9.14). */
export function identifierOf(mac: Uint8Array): Uint8Array {
  return Uint8Array.of(ETHERNET, ...mac)
}
