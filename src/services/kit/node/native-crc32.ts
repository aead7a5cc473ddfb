/**
 * CRC-32 by zlib's native code, where Node offers it (20.15, and 22.2 and later): three to five times as fast as kit/crc32.ts, which is the
 * fallback. A native call costs as much as 300 bytes in JavaScript, so shorter inputs are not worth it.
 */
import * as zlib from 'node:zlib'
import { crc32, type Crc32 } from '../crc32.ts'

const NATIVE_BYTES_MIN = 300

type ZlibCrc32 = (bytes: Uint8Array, before: number) => number

/** Missing in the oldest Node that Hamlet runs on. */
const native: unknown = Reflect.get(zlib, 'crc32')

function isZlibCrc32(value: unknown): value is ZlibCrc32 {
  return typeof value === 'function'
}

export const nativeCrc32: Crc32 = isZlibCrc32(native)
  ? (bytes, start, end, before) => end - start < NATIVE_BYTES_MIN ? crc32(bytes, start, end, before) : native(bytes.subarray(start, end), before)
  : crc32
