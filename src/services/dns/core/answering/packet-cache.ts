/**
 * The packet cache: encoded responses, kept as the octets that were sent, for questions that were asked before. Nothing is
 * decoded, encoded or allocated. A question is read once, in place, hashed and compared, and its response is copied with these
 * fields replaced:
 *
 *     id            the query's
 *     RD            the query's
 *     question      the query's, in the client's own case; names in records are compressed to it
 *     TTLs          counted down, if the answer expires
 *
 * Queries that differ in EDNS, DO, AD or CD are different entries. A query that is not here, or is unusual in any way, goes to
 * the machine (server.ts), which handles everything; this is only a fast path for the common case.
 */
import { TYPE } from '../../wire/types.ts'

const HEADER_BYTES = 12
const QNAME_BYTES_MAX = 255
const LABEL_BYTES_MAX = 63
/** The least an OPT record has: root name, type, class, TTL and data length. */
const OPT_BYTES = 11
/** RFC 1035 §4.2.1, and DNS Flag Day 2020: the limit without EDNS, and the most that any client gets with it. */
const LIMIT_WITHOUT_EDNS_BYTES = 512
const LIMIT_WITH_EDNS_BYTES = 1232
const BUCKETS = 8192
/** Slots in each bucket. */
const BUCKET_ANSWERS = 4
/** Space for all answers together. When it is full the cache is emptied; popular answers are back with the next queries. */
const ARENA_BYTES = 8 * 1024 * 1024
/** Up to this length a loop copies faster than the engine does. */
const LOOP_BYTES_MAX = 128
const TTLS_MAX = 255
/** Place 0 means none. */
const ARENA_START = 1

const QR_OPCODE_TC = 0b1111_1010
const RD = 1
const AD = 0x20
const CD = 0x10

/** Bits of `variant`: the flags of a query that make it a different entry. */
const WITH_EDNS = 1
const WITH_DO = 2
const WITH_AD = 4
const WITH_CD = 8

/**
 * An entry in the arena. It is contiguous, because the CPU caches of a busy server are full of other things.
 *
 *     0         1           2                4                6
 *     | variant | TTL count | question bytes | response bytes | question … | response … | each TTL: offset (2), seconds (4) …
 */
const AT = { variant: 0, ttlCount: 1, questionBytes: 2, responseBytes: 4, question: 6 } as const
const TTL_BYTES = 6

export class PacketCache {
  /** By slot: the hash, where the entry begins in the arena (0: none), until when it is valid, and when it was stored. */
  readonly #hashes = new Int32Array(BUCKETS * BUCKET_ANSWERS)
  readonly #places = new Uint32Array(BUCKETS * BUCKET_ANSWERS)
  readonly #holdsUntilMs = new Float64Array(BUCKETS * BUCKET_ANSWERS)
  readonly #keptAtMs = new Float64Array(BUCKETS * BUCKET_ANSWERS)
  readonly #arena = new Uint8Array(ARENA_BYTES)
  #arenaEnd = ARENA_START
  /** The query read last; its question in lower case. */
  readonly #question = new Uint8Array(QNAME_BYTES_MAX + 4)
  #hash = 0
  #variant = 0
  #questionBytes = 0
  #limitBytes = 0

  /**
   * Answers the query in `query[at..at+length)` into `out[outAt…)`.
   * @param roomBytes the space in `out`
   * @returns the answer's length; 0 if the machine has to handle the query
   */
  answer(query: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number, roomBytes: number, nowMs: number): number {
    if (!this.#read(query, at, length)) return 0
    const slot = this.#find()
    if (slot < 0 || nowMs >= (this.#holdsUntilMs[slot] ?? 0)) return 0
    const arena = this.#arena
    const place = this.#places[slot] ?? 0
    const responseBytes = uint16(arena, place + AT.responseBytes)
    if (responseBytes > this.#limitBytes || responseBytes > roomBytes) return 0
    const response = place + AT.question + this.#questionBytes
    out[outAt] = query[at] ?? 0
    out[outAt + 1] = query[at + 1] ?? 0
    out[outAt + 2] = ((arena[response + 2] ?? 0) & ~RD) | ((query[at + 2] ?? 0) & RD)
    for (let index = 3; index < HEADER_BYTES; index++) out[outAt + index] = arena[response + index] ?? 0
    const questionEnd = HEADER_BYTES + this.#questionBytes
    for (let index = HEADER_BYTES; index < questionEnd; index++) out[outAt + index] = query[at + index] ?? 0
    if (responseBytes - questionEnd > LOOP_BYTES_MAX) out.set(arena.subarray(response + questionEnd, response + responseBytes), outAt + questionEnd)
    else for (let index = questionEnd; index < responseBytes; index++) out[outAt + index] = arena[response + index] ?? 0
    if (arena[place + AT.ttlCount] !== 0) this.#countDown(slot, response + responseBytes, out, outAt, nowMs)
    return responseBytes
  }

  /**
   * Stores the response to a query.
   * @param holdsUntilMs when it expires, with its TTLs counted down; Infinity: valid until `clear`, with its TTLs unchanged
   */
  put(query: Uint8Array, response: Uint8Array, holdsUntilMs: number, nowMs: number): void {
    if (response.length > LIMIT_WITH_EDNS_BYTES || isTruncated(response) || nowMs >= holdsUntilMs) return
    if (!this.#read(query, 0, query.length)) return
    const ttlOffsets = holdsUntilMs === Infinity ? [] : ttlOffsetsOf(response, HEADER_BYTES + this.#questionBytes)
    if (ttlOffsets.length > TTLS_MAX) return
    const place = this.#allocate(AT.question + this.#questionBytes + response.length + TTL_BYTES * ttlOffsets.length)
    const arena = this.#arena
    arena[place + AT.variant] = this.#variant
    arena[place + AT.ttlCount] = ttlOffsets.length
    setUint16(arena, place + AT.questionBytes, this.#questionBytes)
    setUint16(arena, place + AT.responseBytes, response.length)
    arena.set(this.#question.subarray(0, this.#questionBytes), place + AT.question)
    let at = place + AT.question + this.#questionBytes
    arena.set(response, at)
    at += response.length
    for (const offset of ttlOffsets) {
      setUint16(arena, at, offset)
      arena.set(response.subarray(offset, offset + 4), at + 2)
      at += TTL_BYTES
    }
    this.#insert(place, holdsUntilMs, nowMs)
  }

  /** Empties the cache: the zone or the cache of upstream answers has changed. */
  clear(): void {
    if (this.#arenaEnd === ARENA_START) return
    this.#places.fill(0)
    this.#arenaEnd = ARENA_START
  }

  /** Reads a query of the common form: one question, perhaps EDNS, nothing else. @returns false for any other */
  #read(query: Uint8Array, at: number, length: number): boolean {
    const end = at + length
    if (length < HEADER_BYTES + 5 || ((query[at + 2] ?? 0) & QR_OPCODE_TC) !== 0) return false
    const additionals = query[at + 11] ?? 0
    if ((query[at + 4] ?? 0) !== 0 || query[at + 5] !== 1 || additionals > 1) return false
    if (((query[at + 6] ?? 0) | (query[at + 7] ?? 0) | (query[at + 8] ?? 0) | (query[at + 9] ?? 0) | (query[at + 10] ?? 0)) !== 0) return false
    const nameAt = at + HEADER_BYTES
    const nameBytesMax = Math.min(end - 4 - nameAt, QNAME_BYTES_MAX)
    const question = this.#question
    let hash = 0x811c9dc5
    let index = 0
    for (;;) {
      const labelBytes = index < nameBytesMax ? query[nameAt + index] ?? 0xff : 0xff
      if (labelBytes > LABEL_BYTES_MAX) return false // a compression pointer, or beyond the end
      question[index++] = labelBytes
      hash = Math.imul(hash ^ labelBytes, 0x01000193)
      if (labelBytes === 0) break
      const labelEnd = index + labelBytes
      if (labelEnd >= nameBytesMax) return false
      for (; index < labelEnd; index++) {
        const octet = lower(query[nameAt + index] ?? 0)
        question[index] = octet
        hash = Math.imul(hash ^ octet, 0x01000193)
      }
    }
    for (const typeEnd = index + 4; index < typeEnd; index++) {
      const octet = query[nameAt + index] ?? 0
      question[index] = octet
      hash = Math.imul(hash ^ octet, 0x01000193)
    }
    this.#questionBytes = index
    const flags = query[at + 3] ?? 0
    this.#variant = ((flags & AD) !== 0 ? WITH_AD : 0) | ((flags & CD) !== 0 ? WITH_CD : 0)
    this.#limitBytes = LIMIT_WITHOUT_EDNS_BYTES
    if (additionals === 1 ? !this.#readEdns(query, nameAt + index, end) : nameAt + index !== end) return false
    hash = Math.imul(hash ^ (hash >>> 16) ^ this.#variant, 0x85ebca6b)
    this.#hash = hash ^ (hash >>> 13)
    return true
  }

  /**
   * A query with options is left to the machine, since they may ask
   * for options in the answer; a cookie alone changes nothing.
   */
  #readEdns(query: Uint8Array, at: number, end: number): boolean {
    if (at + OPT_BYTES !== end && !hasCookieAlone(query, at, end)) return false
    if (query[at] !== 0 || query[at + 1] !== 0 || query[at + 2] !== TYPE.OPT) return false
    if (query[at + 5] !== 0 || query[at + 6] !== 0 || ((query[at + 7] ?? 0) & 0x7f) !== 0 || query[at + 8] !== 0) return false
    this.#variant |= WITH_EDNS | ((query[at + 7] ?? 0) !== 0 ? WITH_DO : 0)
    const payloadBytes = ((query[at + 3] ?? 0) << 8) | (query[at + 4] ?? 0)
    this.#limitBytes = Math.min(LIMIT_WITH_EDNS_BYTES, Math.max(LIMIT_WITHOUT_EDNS_BYTES, payloadBytes))
    return true
  }

  /** The slot of the answer to the query read last; -1 if there is none. */
  #find(): number {
    const bucketAt = (this.#hash & (BUCKETS - 1)) * BUCKET_ANSWERS
    for (let slot = bucketAt; slot < bucketAt + BUCKET_ANSWERS; slot++) if (this.#hashes[slot] === this.#hash && this.#isFor(this.#places[slot] ?? 0)) return slot
    return -1
  }

  #isFor(place: number): boolean {
    const arena = this.#arena
    if (place === 0 || arena[place + AT.variant] !== this.#variant || uint16(arena, place + AT.questionBytes) !== this.#questionBytes) return false
    for (let index = 0; index < this.#questionBytes; index++) if (arena[place + AT.question + index] !== this.#question[index]) return false
    return true
  }

  #allocate(bytes: number): number {
    if (this.#arenaEnd + bytes > ARENA_BYTES) this.clear()
    this.#arenaEnd += bytes
    return this.#arenaEnd - bytes
  }

  /**
   * Puts the entry first in its bucket, replacing an older
   * answer to the same question, or else the oldest entry.
   */
  #insert(place: number, holdsUntilMs: number, nowMs: number): void {
    const bucketAt = (this.#hash & (BUCKETS - 1)) * BUCKET_ANSWERS
    const known = this.#find()
    for (let slot = known < 0 ? bucketAt + BUCKET_ANSWERS - 1 : known; slot > bucketAt; slot--) {
      this.#hashes[slot] = this.#hashes[slot - 1] ?? 0
      this.#places[slot] = this.#places[slot - 1] ?? 0
      this.#holdsUntilMs[slot] = this.#holdsUntilMs[slot - 1] ?? 0
      this.#keptAtMs[slot] = this.#keptAtMs[slot - 1] ?? 0
    }
    this.#hashes[bucketAt] = this.#hash
    this.#places[bucketAt] = place
    this.#holdsUntilMs[bucketAt] = holdsUntilMs
    this.#keptAtMs[bucketAt] = nowMs
  }

  /** @param ttlsAt where the entry's original TTLs are in the arena */
  #countDown(slot: number, ttlsAt: number, out: Uint8Array, outAt: number, nowMs: number): void {
    const arena = this.#arena
    const elapsed = Math.ceil((nowMs - (this.#keptAtMs[slot] ?? 0)) / 1000)
    const count = arena[(this.#places[slot] ?? 0) + AT.ttlCount] ?? 0
    for (let at = ttlsAt; at < ttlsAt + count * TTL_BYTES; at += TTL_BYTES) {
      const ttl = Math.max(0, uint32(arena, at + 2) - elapsed)
      const offset = outAt + uint16(arena, at)
      setUint16(out, offset, ttl >>> 16)
      setUint16(out, offset + 2, ttl & 0xffff)
    }
  }
}

/** Folds ASCII to lower case (RFC 4343). */
function lower(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet
}

/** Whether the OPT record's only option is a cookie (RFC 7873), as dig sends it; this server does not return cookies. */
function hasCookieAlone(query: Uint8Array, at: number, end: number): boolean {
  const dataBytes = ((query[at + 9] ?? 0) << 8) | (query[at + 10] ?? 0)
  const optionBytes = ((query[at + 13] ?? 0) << 8) | (query[at + 14] ?? 0)
  return at + OPT_BYTES + dataBytes === end && query[at + 11] === 0 && query[at + 12] === 10 && optionBytes + 4 === dataBytes
}

function isTruncated(response: Uint8Array): boolean {
  return ((response[2] ?? 0) & 2) !== 0
}

/** The offsets of the TTLs in one of this server's own responses. The TTL field of OPT is not a TTL. */
function ttlOffsetsOf(response: Uint8Array, questionEnd: number): number[] {
  const count = uint16(response, 6) + uint16(response, 8) + uint16(response, 10)
  const offsets: number[] = []
  let at = questionEnd
  for (let record = 0; record < count && at < response.length; record++) {
    at = nameEnd(response, at)
    if (uint16(response, at) !== TYPE.OPT) offsets.push(at + 4)
    at += 10 + uint16(response, at + 8)
  }
  return offsets
}

function nameEnd(response: Uint8Array, at: number): number {
  for (;;) {
    const labelBytes = response[at] ?? 0
    if (labelBytes === 0) return at + 1
    if (labelBytes >= 0xc0) return at + 2
    at += labelBytes + 1
  }
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

function uint32(bytes: Uint8Array, at: number): number {
  return uint16(bytes, at) * 0x10000 + uint16(bytes, at + 2)
}

function setUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value & 255
}
