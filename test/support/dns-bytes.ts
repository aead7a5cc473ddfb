/** DNS messages as bytes (RFC 1035 §4.1), implemented separately: a test of the server must not rely on the server's own codec. */

export const TYPE_A = 1
export const TYPE_TXT = 16
const TYPE_OPT = 41
const HEADER_BYTES = 12

/** @param ednsBytes the UDP payload size in an OPT record (RFC 6891); without it, the query has no OPT record */
export function encodeQuery(id: number, qname: string, qtype: number, ednsBytes?: number): Buffer {
  const labels = qname.split('.').map(label => Buffer.from([label.length, ...Buffer.from(label)]))
  const header = [id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, ednsBytes === undefined ? 0 : 1]
  const opt = ednsBytes === undefined ? [] : [0, 0, TYPE_OPT, ednsBytes >> 8, ednsBytes & 0xff, 0, 0, 0, 0, 0, 0]
  return Buffer.concat([Buffer.from(header), ...labels, Buffer.from([0, qtype >> 8, qtype & 0xff, 0, 1]), Buffer.from(opt)])
}

/** The address in the first answer record; undefined for a response without answers. */
export function addressIn(answer: Buffer): string | undefined {
  if (answer.readUInt16BE(6) === 0) return undefined
  const record = endOfName(answer, endOfName(answer, HEADER_BYTES) + 4)
  return [...answer.subarray(record + 10, record + 14)].join('.')
}

export function rcodeIn(answer: Buffer): number {
  return answer.readUInt8(3) & 0x0f
}

function endOfName(message: Buffer, at: number): number {
  for (;;) {
    const length = message.readUInt8(at)
    if (length >= 0xc0) return at + 2
    at += length + 1
    if (length === 0) return at
  }
}
