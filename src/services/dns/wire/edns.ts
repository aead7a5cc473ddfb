/**
 * EDNS(0), the extension that allows UDP answers larger than 512 octets (RFC 6891). It is carried by one OPT record in the
 * additional section, whose fields have a meaning of their own:
 *
 *     name: root    class: UDP payload that the sender accepts, in octets    ttl: upper 8 bits of the rcode | version | DO | zero
 *     data: options, each code (2), length (2), octets
 */
import { assert, MalformedPacket } from '../../kit/errors.ts'
import type { Message, ResourceRecord } from './message.ts'
import { ROOT } from './name.ts'
import { OctetReader, OctetWriter } from './octets.ts'
import { TYPE } from './types.ts'

/** Fits the minimum IPv6 MTU of 1280 octets, so none of our answers is fragmented (DNS flag day 2020). */
export const UDP_PAYLOAD_BYTES = 1232
/** Accepted by every peer, even without EDNS (RFC 1035 §4.2.1). */
export const UDP_PAYLOAD_BYTES_MIN = 512
const DNSSEC_OK = 0x8000
const OPTIONS_BYTES_MAX = 65_535

/** An option as octets; edns-options.ts interprets them. */
export interface EdnsOption {
  readonly code: number
  readonly bytes: Uint8Array
}

export interface Edns {
  /** The largest payload that the peer accepts, never below 512 (RFC 6891 §6.2.3). */
  readonly udpPayloadBytes: number
  readonly version: number
  /** The upper eight bits of the rcode, already shifted into place. */
  readonly extendedRcode: number
  readonly dnssecOk: boolean
  /** In order of appearance, unknown ones included (RFC 6891 §6.1.2: those are ignored). */
  readonly options: readonly EdnsOption[]
}

/**
 * The EDNS of a message; undefined without an OPT record.
 * @throws MalformedPacket for two OPT records, one whose owner is not the root (RFC 6891 §6.1.1), or a truncated option (§6.1.2)
 */
export function ednsOf(message: Message): Edns | undefined {
  let opt: ResourceRecord | undefined
  for (const record of message.additionals) {
    if (record.type !== TYPE.OPT) continue
    if (opt !== undefined || record.name !== ROOT) throw new MalformedPacket(0, 'RFC 6891 §6.1.1', 'there is more than one OPT record, or its owner is not the root')
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

/** The OPT record of a message that Hamlet sends. A response copies DO from the query (RFC 3225 §3). */
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
  assert(!writer.overflowed, 'the options of a message that Hamlet sends fit in one record')
  return writer.finish()
}
