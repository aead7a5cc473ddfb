/**
 * EDNS(0), the extension that lets UDP answers be larger than 512 octets (RFC 6891). It travels as one OPT record among the
 * additionals, whose fields mean something else than in other records:
 *
 *     name: root    class: octets of UDP payload that the sender can take    ttl: rcode's upper 8 bits | version | DO | zero
 *     data: options, each code (2), length (2), octets
 */
import { assert, MalformedPacket } from '../../kit/errors.ts'
import type { Message, ResourceRecord } from './message.ts'
import { ROOT } from './name.ts'
import { OctetReader, OctetWriter } from './octets.ts'
import { TYPE } from './types.ts'

/** Fits one Ethernet frame with IPv6, so no answer of ours is fragmented (DNS flag day 2020). */
export const UDP_PAYLOAD_BYTES = 1232
/** What every peer takes without EDNS (RFC 1035 §4.2.1). */
export const UDP_PAYLOAD_BYTES_MIN = 512
const DNSSEC_OK = 0x8000
const OPTIONS_BYTES_MAX = 65_535

/** What an option means is told by edns-options.ts. */
export interface EdnsOption {
  readonly code: number
  readonly bytes: Uint8Array
}

export interface Edns {
  /** What the peer can take, never below 512 (RFC 6891 §6.2.3). */
  readonly udpPayloadBytes: number
  readonly version: number
  /** The upper eight bits of the rcode, in place. */
  readonly extendedRcode: number
  readonly dnssecOk: boolean
  /** As they stand, unknown ones too (RFC 6891 §6.1.2: those are ignored). */
  readonly options: readonly EdnsOption[]
}

/**
 * What a message says by its OPT record; undefined where it has none.
 * @throws MalformedPacket for two of them, one that is not the root's (RFC 6891 §6.1.1), or an option that is cut (§6.1.2)
 */
export function ednsOf(message: Message): Edns | undefined {
  let opt: ResourceRecord | undefined
  for (const record of message.additionals) {
    if (record.type !== TYPE.OPT) continue
    if (opt !== undefined || record.name !== ROOT) throw new MalformedPacket(0, 'RFC 6891 §6.1.1', 'there is more than one OPT record, or it is not the root\'s')
    opt = record
  }
  if (opt === undefined) return undefined
  return {
    udpPayloadBytes: Math.max(UDP_PAYLOAD_BYTES_MIN, opt.class),
    version: (opt.ttl >>> 16) & 255,
    extendedRcode: (opt.ttl >>> 24) << 4,
    dnssecOk: (opt.ttl & DNSSEC_OK) !== 0,
    options: decodeOptions(opt.rdata),
  }
}

/** The OPT record of a message of ours. DO is repeated as the query had it (RFC 3225 §3). */
export function optRecord({ rcode, dnssecOk, options }: { rcode: number; dnssecOk: boolean; options?: readonly EdnsOption[] }): ResourceRecord {
  return {
    name: ROOT, type: TYPE.OPT, class: UDP_PAYLOAD_BYTES, ttl: ((rcode >>> 4) * 0x1000000) + (dnssecOk ? DNSSEC_OK : 0),
    rdata: options === undefined || options.length === 0 ? new Uint8Array(0) : encodeOptions(options),
  }
}

function decodeOptions(rdata: Uint8Array): EdnsOption[] {
  const reader = new OctetReader(rdata, 0, rdata.length)
  const options: EdnsOption[] = []
  while (reader.offset < reader.end) {
    const code = reader.uint16()
    options.push({ code, bytes: reader.take(reader.uint16()) })
  }
  return options
}

function encodeOptions(options: readonly EdnsOption[]): Uint8Array {
  const writer = new OctetWriter(OPTIONS_BYTES_MAX)
  for (const { code, bytes } of options) {
    writer.uint16(code)
    writer.uint16(bytes.length)
    writer.octets(bytes)
  }
  assert(!writer.overflowed, 'the options of a message of ours fit into one record')
  return writer.finish()
}
