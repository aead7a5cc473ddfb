/** Malformed DNS messages, drawn from a seeded generator: mangled queries, false lengths and counts, compression loops, noise. */
import { below, type Random } from '../../src/services/kit/random.ts'
import { encodeQuery } from './dns-bytes.ts'

const HEADER_BYTES = 12
const OPT_BYTES = 11
const UDP_BYTES_MAX = 65_507
const TYPES = [1, 2, 5, 6, 12, 15, 16, 28, 33, 41, 64, 65, 249, 250, 251, 252, 255, 256, 257, 0, 65_535]

/** @param qnames the names that the mangled queries ask for */
export function malformedMessage(random: Random, id: number, qnames: readonly string[]): Buffer {
  const draw = (limit: number) => below(random, limit)
  const pick = <T>(of: readonly [T, ...T[]] | readonly T[], otherwise: T): T => of[draw(of.length)] ?? otherwise
  const query = encodeQuery(id, pick(qnames, 'home'), pick(TYPES, 1), draw(2) === 0 ? undefined : pick([0, 512, 1232, 4096, 65_535], 512))
  const noise = (length: number) => Buffer.from(Array.from({ length }, () => draw(256)))
  const withId = (bytes: Buffer) => {
    if (bytes.length >= 2) bytes.writeUInt16BE(id)
    return bytes
  }
  const manglings: (() => Buffer)[] = [
    () => flipBits(query, 1 + draw(8), draw),
    () => query.subarray(0, draw(query.length)),
    () => Buffer.concat([query, noise(1 + draw(300))]),
    () => withId(noise(draw(600))),
    () => withCounts(query, [pick([0, 1, 2, 255, 65_535], 1), draw(4), draw(4), pick([0, 1, 2, 65_535], 1)]),
    () => withFlags(query, draw(65_536)),
    () => withFlags(query, 0x8400 | draw(16)),
    () => withName(query, Buffer.from([0xc0, pick([HEADER_BYTES, HEADER_BYTES + 1, HEADER_BYTES + 2, 0, 255], HEADER_BYTES)])),
    () => withName(query, Buffer.from([pick([0x40, 0x80, 63, 1], 0x40), ...noise(draw(80))])),
    () => withName(query, Buffer.concat(Array.from({ length: 1 + draw(140) }, () => Buffer.from([1, 97 + draw(26)])))),
    () => withOpts(query, draw(3), () => Buffer.from([draw(2) * 3, 0, 41, draw(256), draw(256), draw(256), draw(256), draw(256), 0, draw(256), draw(256)])),
    () => withCounts(Buffer.concat([query.subarray(0, HEADER_BYTES), manyQuestions(1 + draw(draw(50) === 0 ? 8000 : 40))]), [65_535, 0, 0, 0]),
  ]
  return pick(manglings, () => query)().subarray(0, UDP_BYTES_MAX)
}

function flipBits(bytes: Buffer, count: number, draw: (limit: number) => number): Buffer {
  const mangled = Buffer.from(bytes)
  for (let n = 0; n < count; n++) {
    const at = 2 + draw(mangled.length - 2)
    mangled.writeUInt8(mangled.readUInt8(at) ^ 1 << draw(8), at)
  }
  return mangled
}

function withCounts(bytes: Buffer, counts: readonly number[]): Buffer {
  const mangled = Buffer.from(bytes)
  for (const [index, count] of counts.entries()) mangled.writeUInt16BE(count, 4 + 2 * index)
  return mangled
}

function withFlags(bytes: Buffer, flags: number): Buffer {
  const mangled = Buffer.from(bytes)
  mangled.writeUInt16BE(flags, 2)
  return mangled
}

/** Replaces the name of the query. */
function withName(query: Buffer, name: Buffer): Buffer {
  const tail = query.readUInt16BE(10) === 0 ? query.subarray(-5) : query.subarray(-5 - OPT_BYTES)
  return Buffer.concat([query.subarray(0, HEADER_BYTES), name, tail])
}

function withOpts(query: Buffer, count: number, opt: () => Buffer): Buffer {
  return withCounts(Buffer.concat([query, ...Array.from({ length: count }, opt)]), [1, 0, 0, count + 1])
}

/** Questions whose names each point at the name of the previous one. */
function manyQuestions(count: number): Buffer {
  const questions = Array.from({ length: count }, (_, index) => {
    const before = index === 0 ? 0 : HEADER_BYTES + 8 * (index - 1)
    return Buffer.from([1, 97 + index % 26, 0xc0 | before >> 8 & 0x3f, before & 0xff, 0, 1, 0, 1])
  })
  return Buffer.concat(questions)
}
