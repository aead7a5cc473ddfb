/**
 * Writes datagrams as a capture file for Wireshark (pcapng, draft-ietf-opsawg-pcapng): a section header, one interface whose packets
 * begin with their IP header (link type 101), and one block per packet, all little-endian.
 *
 *     +------+--------+------ … ------+--------+
 *     | type | length |     body      | length |     4 bytes each, except the body, which is padded to a multiple of 4
 *     +------+--------+------ … ------+--------+
 *
 * A trace knows addresses, ports and payloads. The IP and UDP headers are reconstructed from these, so fields such as the time to live
 * are not those of the wire.
 */
import { concat } from './concat.ts'
import type { Endpoint } from './endpoint.ts'
import { parseIpv4, parseIpv6 } from './ip-address.ts'

export interface Captured {
  /** Since 1970-01-01. */
  readonly atMs: number
  readonly from: Endpoint
  readonly to: Endpoint
  readonly bytes: Uint8Array
  /** The datagram's original length, which may exceed what was kept. */
  readonly wholeBytes: number
}

const SECTION = 0x0a0d0d0a
const INTERFACE = 1
const PACKET = 6
const BYTE_ORDER = 0x1a2b3c4d
const LINK_TYPE_RAW = 101
const OPTION_NAME = 2
const UDP = 17
const UDP_HEADER_BYTES = 8
const HOP_LIMIT = 64

/** @param interfaceName for display */
export function formatPcapng(packets: readonly Captured[], interfaceName: string): Uint8Array<ArrayBuffer> {
  const name = Uint8Array.from(interfaceName, character => character.charCodeAt(0) & 0x7f)
  const blocks = [
    block(SECTION, [uint32(BYTE_ORDER), uint16(1), uint16(0), uint32(0xffffffff), uint32(0xffffffff)]),
    block(INTERFACE, [uint16(LINK_TYPE_RAW), uint16(0), uint32(0), uint16(OPTION_NAME), uint16(name.length), padded(name), uint32(0)]),
    ...packets.map(packetBlock),
  ]
  return concat(blocks)
}

function packetBlock({ atMs, from, to, bytes, wholeBytes }: Captured): Uint8Array {
  const data = concat([headers(from, to, bytes, wholeBytes), bytes])
  const atMicros = Math.round(atMs * 1000)
  return block(PACKET, [
    uint32(0), uint32(Math.floor(atMicros / 2 ** 32)), uint32(atMicros % 2 ** 32), uint32(data.length), uint32(data.length + wholeBytes - bytes.length), padded(data),
  ])
}

/** IP (RFC 791 §3.1, RFC 8200 §3) and UDP (RFC 768). Big-endian. */
function headers(from: Endpoint, to: Endpoint, payload: Uint8Array, wholeBytes: number): Uint8Array {
  const udpBytes = UDP_HEADER_BYTES + wholeBytes
  const isIpv6 = from.address.includes(':') || to.address.includes(':')
  const addresses = concat([addressOf(from.address, isIpv6), addressOf(to.address, isIpv6)])
  const udp = concat([netUint16(from.port), netUint16(to.port), netUint16(udpBytes), netUint16(0)])
  // The checksum of a truncated payload is unknown; 0 means none.
  const sum = payload.length < wholeBytes ? 0 : checksum(concat([addresses, netUint16(UDP), netUint16(udpBytes), udp, payload])) || 0xffff
  udp.set(netUint16(sum), 6)
  if (isIpv6) return concat([Uint8Array.of(0x60, 0, 0, 0), netUint16(udpBytes), Uint8Array.of(UDP, HOP_LIMIT), addresses, udp])
  const ip = concat([Uint8Array.of(0x45, 0), netUint16(20 + udpBytes), Uint8Array.of(0, 0, 0, 0, HOP_LIMIT, UDP, 0, 0), addresses])
  ip.set(netUint16(checksum(ip)), 10)
  return concat([ip, udp])
}

/** An address of the other family, as on a wildcard socket, becomes this family's unspecified address. */
function addressOf(text: string, isIpv6: boolean): Uint8Array {
  if (isIpv6) return parseIpv6(text) ?? new Uint8Array(16)
  const value = parseIpv4(text) ?? 0
  return concat([netUint16(value >>> 16), netUint16(value & 0xffff)])
}

/** The Internet checksum (RFC 1071). */
function checksum(bytes: Uint8Array): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at] ?? 0) * 0x100 + (bytes[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return ~sum & 0xffff
}

function block(type: number, body: readonly Uint8Array[]): Uint8Array {
  const content = concat(body)
  const length = uint32(content.length + 12)
  return concat([uint32(type), length, content, length])
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array((bytes.length + 3) & ~3)
  whole.set(bytes)
  return whole
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >>> 8)
}

function uint32(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24)
}

function netUint16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff)
}
