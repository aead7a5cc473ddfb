/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a short keyed hash that nobody can predict without the key. It
 * authenticates the tokens that an endpoint issues (token.ts). 64-bit words are kept as two 32-bit halves, low half
 * first.
 */

/** 128 bits as four words, each from 0 to 2^32 − 1. */
export type SipKey = readonly [number, number, number, number]

/** @returns the hash, as high and low 32 bits */
export function siphash([k0, k1, k2, k3]: SipKey, bytes: Uint8Array): { readonly high: number; readonly low: number } {
  // v0 to v3, each low then high: the key mixed with "somepseudorandomlygeneratedbytes".
  const v = Uint32Array.of(
    k0 ^ 0x70736575, k1 ^ 0x736f6d65, k2 ^ 0x6e646f6d, k3 ^ 0x646f7261, k0 ^ 0x6e657261, k1 ^ 0x6c796765, k2 ^ 0x79746573, k3 ^ 0x74656462,
  )
  const blocks = Math.floor(bytes.length / 8)
  for (let block = 0; block <= blocks; block++) {
    const low = littleEndian(bytes, block * 8)
    const high = block < blocks ? littleEndian(bytes, block * 8 + 4) : littleEndian(bytes, block * 8 + 4) | (bytes.length << 24)
    xor(v, 6, low, high)
    round(v)
    round(v)
    xor(v, 0, low, high)
  }
  xor(v, 4, 0xff, 0)
  for (let count = 0; count < 4; count++) round(v)
  const [v0l = 0, v0h = 0, v1l = 0, v1h = 0, v2l = 0, v2h = 0, v3l = 0, v3h = 0] = v
  return { high: (v0h ^ v1h ^ v2h ^ v3h) >>> 0, low: (v0l ^ v1l ^ v2l ^ v3l) >>> 0 }
}

/** Four bytes as a little-endian number; bytes past the end are 0. */
function littleEndian(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
}

function round(v: Uint32Array): void {
  add(v, 0, 2)
  rotate(v, 2, 13)
  xorWord(v, 2, 0)
  swap(v, 0)
  add(v, 4, 6)
  rotate(v, 6, 16)
  xorWord(v, 6, 4)
  add(v, 0, 6)
  rotate(v, 6, 21)
  xorWord(v, 6, 0)
  add(v, 4, 2)
  rotate(v, 2, 17)
  xorWord(v, 2, 4)
  swap(v, 4)
}

function add(v: Uint32Array, to: number, from: number): void {
  const low = (v[to] ?? 0) + (v[from] ?? 0)
  v[to] = low
  v[to + 1] = (v[to + 1] ?? 0) + (v[from + 1] ?? 0) + (low > 0xffffffff ? 1 : 0)
}

function xorWord(v: Uint32Array, to: number, from: number): void {
  xor(v, to, v[from] ?? 0, v[from + 1] ?? 0)
}

function xor(v: Uint32Array, to: number, low: number, high: number): void {
  v[to] = (v[to] ?? 0) ^ low
  v[to + 1] = (v[to + 1] ?? 0) ^ high
}

/** Rotates left by less than 32 bits. */
function rotate(v: Uint32Array, at: number, bits: number): void {
  const [low, high] = [v[at] ?? 0, v[at + 1] ?? 0]
  v[at] = (low << bits) | (high >>> (32 - bits))
  v[at + 1] = (high << bits) | (low >>> (32 - bits))
}

/** Rotates by 32 bits. */
function swap(v: Uint32Array, at: number): void {
  const low = v[at] ?? 0
  v[at] = v[at + 1] ?? 0
  v[at + 1] = low
}
