/** CRC-32 (ISO 3309, RFC 1952 §8; reflected polynomial 0xedb88320), four bytes per step. Detects every burst of up to 32 damaged bits. */

const TABLES = buildTables()

/** A CRC-32 implementation: the code below, or zlib's (node/native-crc32.ts). */
export type Crc32 = (bytes: Uint8Array, start: number, end: number, before: number) => number

/**
 * The CRC of `bytes` from `start` to `end`.
 * @param before the CRC of the bytes that precede these; 0 if none do
 */
export function crc32(bytes: Uint8Array, start = 0, end = bytes.length, before = 0): number {
  let crc = ~before
  let at = start
  for (const last = end - 3; at < last; at += 4) {
    crc ^= byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24)
    crc = word(768 + (crc & 255)) ^ word(512 + ((crc >>> 8) & 255)) ^ word(256 + ((crc >>> 16) & 255)) ^ word(crc >>> 24)
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ word((crc ^ byte(bytes, at)) & 255)
  return ~crc >>> 0
}

/** One byte, in the inner loop. */
function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] as number // in range by the loops above; a check for undefined would cost a tenth of the total time
}

function word(at: number): number {
  return TABLES[at] as number // the index is at most 1023 by construction
}

/** Four tables of 256 entries: table n has the CRC of each byte followed by n zero bytes. */
function buildTables(): Int32Array {
  const tables = new Int32Array(1024)
  for (let value = 0; value < 256; value++) {
    let crc = value
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
    tables[value] = crc
  }
  for (let at = 256; at < 1024; at++) {
    const shorter = tables[at - 256] ?? 0
    tables[at] = (shorter >>> 8) ^ (tables[shorter & 255] ?? 0)
  }
  return tables
}
