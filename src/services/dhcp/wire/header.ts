/**
 * The fixed header of a DHCP message: RFC 2131 §2, figure 1. Big-endian, 32 bits per row.
 *
 *    0               8               16              24            31
 *   +---------------+---------------+---------------+---------------+
 *   |     op (1)    |   htype (1)   |   hlen (1)    |   hops (1)    |   op: 1 request, 2 reply; htype 1: Ethernet
 *   +---------------+---------------+---------------+---------------+
 *   |                            xid (4)                            |   chosen by the client, repeated in every reply
 *   +-------------------------------+-------------------------------+
 *   |           secs (2)            |           flags (2)           |   flags: the first bit requests a broadcast reply
 *   +-------------------------------+-------------------------------+
 *   |                          ciaddr  (4)                          |   the client's address, if it already has one
 *   +---------------------------------------------------------------+
 *   |                          yiaddr  (4)                          |   "your" address: what the server offers or leases
 *   +---------------------------------------------------------------+
 *   |                          siaddr  (4)                          |   next server, for network boot
 *   +---------------------------------------------------------------+
 *   |                          giaddr  (4)                          |   the relay agent's address, if there is one between
 *   +---------------------------------------------------------------+
 *   |                          chaddr  (16)                         |   the client's hardware address, in the first hlen bytes
 *   +---------------------------------------------------------------+
 *   |                          sname   (64)                         |   server name, or more options
 *   +---------------------------------------------------------------+
 *   |                          file    (128)                        |   boot file name, or more options
 *   +---------------------------------------------------------------+
 *   |              magic cookie 99 130 83 99, options …             |   options.ts
 *   +---------------------------------------------------------------+
 *
 * DHCP grew out of BOOTP. A BOOTP request may carry anything where the magic cookie and the options are here, or
 * nothing at all (RFC 951 §3, "vend").
 */
import { MalformedPacket } from '../../kit/errors.ts'
import { setUint16, setUint32, uint16At, uint32At } from './big-endian.ts'

export const AT = {
  op: 0, htype: 1, hlen: 2, hops: 3, xid: 4, secs: 8, flags: 10, ciaddr: 12, yiaddr: 16, siaddr: 20, giaddr: 24,
  chaddr: 28, sname: 44, file: 108, magic: 236, options: 240,
} as const

export const OP = { request: 1, reply: 2 } as const
export const ETHERNET = 1

const MAGIC = 0x63825363
const BROADCAST_FLAG = 0x8000
const CHADDR_BYTES_MAX = 16

/** Addresses are uint32 in host order; 0 means none. */
export interface Header {
  readonly op: number
  readonly htype: number
  readonly hops: number
  readonly xid: number
  /** Seconds since the client began to acquire or renew its address. */
  readonly secs: number
  /** The client cannot yet receive unicast (RFC 2131 §4.1). */
  readonly broadcast: boolean
  readonly ciaddr: number
  readonly yiaddr: number
  readonly siaddr: number
  readonly giaddr: number
  /** At most 16 bytes; hlen is its length. */
  readonly chaddr: Uint8Array
  /** Up to the first NUL, one character per byte. */
  readonly sname: string
  readonly file: string
}

/** Whether the magic cookie is there. */
export function hasOptions(bytes: Uint8Array): boolean {
  return bytes.length >= AT.options && uint32At(bytes, AT.magic) === MAGIC
}

/**
 * @throws MalformedPacket if the message has less than 236 bytes, an op that is neither request nor reply, or a
 *   hardware address of more than 16 bytes, or is a reply without the magic cookie (RFC 2131 §2, §3)
 */
export function decodeHeader(bytes: Uint8Array): Header {
  if (bytes.length < AT.magic) throw new MalformedPacket(bytes.length, 'RFC 2131 §2', `${bytes.length} bytes, ${AT.magic} needed`)
  const op = bytes[AT.op] ?? 0
  const hlen = bytes[AT.hlen] ?? 0
  if (op !== OP.request && op !== OP.reply) throw new MalformedPacket(AT.op, 'RFC 2131 §2', `op ${op} is neither a request nor a reply`)
  if (hlen > CHADDR_BYTES_MAX) throw new MalformedPacket(AT.hlen, 'RFC 2131 §2', `a hardware address of ${hlen} bytes, ${CHADDR_BYTES_MAX} at most`)
  if (op === OP.reply && !hasOptions(bytes)) throw new MalformedPacket(AT.magic, 'RFC 2131 §3', 'the options do not begin with 99.130.83.99')
  return {
    op,
    htype: bytes[AT.htype] ?? 0,
    hops: bytes[AT.hops] ?? 0,
    xid: uint32At(bytes, AT.xid),
    secs: uint16At(bytes, AT.secs),
    broadcast: (uint16At(bytes, AT.flags) & BROADCAST_FLAG) !== 0,
    ciaddr: uint32At(bytes, AT.ciaddr),
    yiaddr: uint32At(bytes, AT.yiaddr),
    siaddr: uint32At(bytes, AT.siaddr),
    giaddr: uint32At(bytes, AT.giaddr),
    chaddr: bytes.slice(AT.chaddr, AT.chaddr + hlen),
    sname: decodeField(bytes, AT.sname, AT.file),
    file: decodeField(bytes, AT.file, AT.magic),
  }
}

/**
 * Writes the first 240 bytes. `bytes` must be zeroed and long enough. Text that is too long for its field is truncated.
 */
export function encodeHeader(header: Header, bytes: Uint8Array): void {
  bytes[AT.op] = header.op
  bytes[AT.htype] = header.htype
  bytes[AT.hlen] = header.chaddr.length
  bytes[AT.hops] = header.hops
  setUint32(bytes, AT.xid, header.xid)
  setUint16(bytes, AT.secs, header.secs)
  setUint16(bytes, AT.flags, header.broadcast ? BROADCAST_FLAG : 0)
  setUint32(bytes, AT.ciaddr, header.ciaddr)
  setUint32(bytes, AT.yiaddr, header.yiaddr)
  setUint32(bytes, AT.siaddr, header.siaddr)
  setUint32(bytes, AT.giaddr, header.giaddr)
  for (let index = 0; index < Math.min(header.chaddr.length, CHADDR_BYTES_MAX); index++) bytes[AT.chaddr + index] = header.chaddr[index] ?? 0
  encodeField(header.sname, bytes, AT.sname, AT.file)
  encodeField(header.file, bytes, AT.file, AT.magic)
  setUint32(bytes, AT.magic, MAGIC)
}

function decodeField(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let at = from; at < to && bytes[at] !== 0; at++) text += String.fromCharCode(bytes[at] ?? 0)
  return text
}

/** Leaves the last byte of the field NUL, to terminate the text. */
function encodeField(text: string, bytes: Uint8Array, from: number, to: number): void {
  for (let index = 0; index < Math.min(text.length, to - from - 1); index++) bytes[from + index] = text.charCodeAt(index)
}
