/**
 * EDNS(0), the extension that lets UDP answers be larger than 512 octets (RFC 6891). It travels as one OPT record among the
 * additionals, whose fields mean something else than in other records:
 *
 *     name: root    class: octets of UDP payload that the sender can take    ttl: rcode's upper 8 bits | version | DO | zero
 */
import { MalformedPacket } from '../../kit/errors.ts'
import type { Message, ResourceRecord } from './message.ts'
import { ROOT } from './name.ts'
import { TYPE } from './types.ts'

/** Fits one Ethernet frame with IPv6, so no answer of ours is fragmented (DNS flag day 2020). */
export const UDP_PAYLOAD_BYTES = 1232
/** What every peer takes without EDNS (RFC 1035 §4.2.1). */
export const UDP_PAYLOAD_BYTES_MIN = 512
const DNSSEC_OK = 0x8000

export interface Edns {
  /** What the peer can take, never below 512 (RFC 6891 §6.2.3). */
  readonly udpPayloadBytes: number
  readonly version: number
  /** The upper eight bits of the rcode, in place. */
  readonly extendedRcode: number
  readonly dnssecOk: boolean
}

/**
 * What a message says by its OPT record; undefined where it has none.
 * @throws MalformedPacket for two of them, or one that is not the root's (RFC 6891 §6.1.1)
 */
export function ednsOf(message: Message): Edns | undefined {
  const [opt, second] = message.additionals.filter(({ type }) => type === TYPE.OPT)
  if (opt === undefined) return undefined
  if (second !== undefined || opt.name !== ROOT) throw new MalformedPacket(0, 'RFC 6891 §6.1.1', 'there is more than one OPT record, or it is not the root\'s')
  return {
    udpPayloadBytes: Math.max(UDP_PAYLOAD_BYTES_MIN, opt.class),
    version: (opt.ttl >>> 16) & 255,
    extendedRcode: (opt.ttl >>> 24) << 4,
    dnssecOk: (opt.ttl & DNSSEC_OK) !== 0,
  }
}

/** The OPT record of a message of ours. DO is repeated as the query had it (RFC 3225 §3). */
export function optRecord({ rcode, dnssecOk }: { rcode: number; dnssecOk: boolean }): ResourceRecord {
  return { name: ROOT, type: TYPE.OPT, class: UDP_PAYLOAD_BYTES, ttl: ((rcode >>> 4) * 0x1000000) + (dnssecOk ? DNSSEC_OK : 0), rdata: new Uint8Array(0) }
}
