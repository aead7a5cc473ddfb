/**
 * Damaged and hostile DNS messages, for tests that nothing but MalformedPacket is thrown, and for the benchmark of the
 * worst of them.
 */
import fc from 'fast-check'
import { below, type Random } from '../../kit/random.ts'
import { encodeMessage } from '../wire/message.ts'
import { anyMessage, DATA_TEXTS } from './records.ts'

/** Valid messages with records of all types, deterministic for a seed. */
export function validMessages(seed: number, count: number): Uint8Array[] {
  const ofEachType = Object.keys(DATA_TEXTS).flatMap(typeName => fc.sample(anyMessage([typeName]), { seed, numRuns: 3 }))
  return [...fc.sample(anyMessage(), { seed, numRuns: count }), ...ofEachType].map(message => encodeMessage(message))
}

/**
 * A valid message, damaged: bits flipped, octets overwritten, truncated, spliced with another, counts or lengths changed,
 * pointers inserted.
 */
export function damaged(messages: readonly Uint8Array[], random: Random): Uint8Array {
  const pick = () => new Uint8Array(messages[below(random, messages.length)] ?? [])
  let bytes = pick()
  for (let damage = below(random, 4); damage >= 0; damage--) bytes = damageOnce(bytes, pick, random)
  return bytes
}

function damageOnce(bytes: Uint8Array<ArrayBuffer>, pick: () => Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  const at = below(random, Math.max(1, bytes.length))
  const set = (offset: number, ...octets: readonly number[]) => {
    for (const [index, octet] of octets.entries()) if (offset + index < bytes.length) bytes[offset + index] = octet
    return bytes
  }
  switch (below(random, 8)) {
    case 0: return set(at, (bytes[at] ?? 0) ^ (1 << below(random, 8)))
    case 1: return set(at, below(random, 256))
    case 2: return bytes.slice(0, at)
    case 3: return joined(bytes.subarray(0, at), pick().subarray(below(random, 40)))
    case 4: return set(4 + 2 * below(random, 4), below(random, 256), below(random, 256))
    case 5: return set(5 + 2 * below(random, 4), below(random, 10))
    case 6: return set(at, 0xc0 | below(random, 4), below(random, 256))
    default: return set(at, 0, below(random, 64))
  }
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(head.length + tail.length)
  bytes.set(head)
  bytes.set(tail, head.length)
  return bytes
}

const uint16 = (value: number) => [value >>> 8, value & 255]
const pointer = (offset: number) => uint16(0xc000 | offset)
const rr = (owner: readonly number[], type: number, data: readonly number[]) => [...owner, ...uint16(type), 0, 1, 0, 0, 0, 60, ...uint16(data.length), ...data]
const repeated = <T>(count: number, make: (index: number) => readonly T[]) => Array.from({ length: count }, (_, index) => make(index)).flat()
const LONG_NAME = [...repeated(123, () => [1, 97]), 1, 97, 0]
const ESCAPED_NAME = [...repeated(3, () => [63, ...Array<number>(63).fill(0)]), 56, ...Array<number>(56).fill(0), 0]

/** @param records the record of each index; as many are included as fit */
function response(question: readonly number[], sizeMax: number, records: (index: number) => readonly number[]): Uint8Array {
  const body: number[] = []
  let count = 0
  for (let next = records(0); 16 + question.length + body.length + next.length <= sizeMax && next.length > 0; next = records(++count)) body.push(...next)
  return Uint8Array.of(0, 1, 0x80, 0, 0, 1, ...uint16(count), 0, 0, 0, 0, ...question, 0, 1, 0, 1, ...body)
}

/** Messages as expensive as their size permits, by family. */
export const HOSTILE: Readonly<Record<string, (sizeMax: number) => Uint8Array>> = {
  'each record prefixes one long name with a label': size => response(LONG_NAME, size, () => rr([1, 98, ...pointer(12)], 65_280, [])),
  'each record prefixes one long name, all escapes as text, with a label': size => response(ESCAPED_NAME, size, () => rr([1, 98, ...pointer(12)], 65_280, [])),
  'each record names one long name twice': size => response(LONG_NAME, size, () => rr(pointer(12), 5, pointer(14))),
  'each SOA record names two long names': size => response(LONG_NAME, size, () => rr(pointer(16), 6, [...pointer(12), ...pointer(14), ...Array<number>(20).fill(0)])),
  // The data of the first record is a chain: each pointer leads to the one before, and the first to the question.
  'each name goes through a hundred pointers': size => response([0], size, index => index === 0 ? rr([0], 65_280, repeated(127, step => pointer(step === 0 ? 12 : 28 + 2 * (step - 1)))) : rr(pointer(28 + 2 * 98), 65_280, [])),
  'pointers lead to themselves': size => response([0], size, index => rr(pointer(17 + 12 * index), 65_280, [])),
  'no record has data': size => response([0], size, () => rr([0], 65_280, [])),
  'every octet is an escape as text': size => response([0], size, () => rr([63, ...Array<number>(63).fill(0), 0], 5, [0])),
  'type bitmaps with all types': size => response([0], size, () => rr([0], 47, [0, ...repeated(40, window => [window, 32, ...Array<number>(32).fill(255)])])),
  'type bitmaps with one octet per window': size => response([0], size, () => rr([0], 47, [0, ...repeated(255, window => [window, 1, 1])])),
  'parameters without values': size => response([0], size, () => rr([0], 64, [0, 1, 0, ...repeated(600, key => [...uint16(key * 3 + 9), 0, 0])])),
  'ALPN lists of one-octet ids': size => response([0], size, () => rr([0], 65, [0, 1, 0, 0, 1, ...uint16(600), ...repeated(300, () => [1, 0x2c])])),
  'empty strings': size => response([0], size, index => index === 0 ? rr([0], 16, Array<number>(Math.max(1, size - 50)).fill(0)) : []),
  'counts of 65,535': size => Uint8Array.from({ length: size }, (_, index) => index >= 4 && index < 12 ? 255 : 0),
  'questions with names of one octet': size => Uint8Array.of(0, 1, 0, 0, ...uint16(Math.floor((size - 12) / 5)), 0, 0, 0, 0, 0, 0, ...repeated(Math.floor((size - 12) / 5), () => [0, 0, 1, 0, 1])),
}
