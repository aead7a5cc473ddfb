/**
 * Ways as the batch add-on has them, and the Paths that Hamlet reads. A way is twelve words of 32 bits (`struct way` in
 * native/outbox.h): the peer as the system's own socket address, the interface, and the local address.
 */
import { randomFillSync } from 'node:crypto'
import type { Endpoint, Path } from '../../endpoint.ts'
import { formatIpv4, formatIpv6, isLinkLocalIpv6, parseIpv4, parseIpv6 } from '../../ip-address.ts'
import { RecentMap } from '../../recent-map.ts'

export const WAY_WORDS = 12
/** Of these the socket address, in bytes. */
export const ADDRESS_BYTES = 28

/** Ways that a socket remembers, and those of them that share a hash. */
const WAYS_MAX = 8192
const SAME_HASH_MAX = 8

/** Linux's numbers of the families, which stand in the first two bytes as this machine orders them. */
const AF_INET = 2
const AF_INET6 = 10
const AT = { family: 0, port: 2, ipv4: 4, ipv6: 8, scope: 24, interface: 28, local: 32 } as const
const WORD = { address: 1, interface: 7 } as const

const [seed = 0] = randomFillSync(new Uint32Array(1))

/** Equal for equal words. Seeded anew in each process, so that nobody can choose addresses that collide. */
function hash(words: Uint32Array, from: number, to: number): number {
  let value = seed
  for (let at = from; at < to; at++) {
    value = Math.imul(value ^ (words[at] ?? 0), 0x9e3779b1)
    value ^= value >>> 15
  }
  return value >>> 0
}

/** Equal for equal addresses of the peer, whatever its port. */
export function hashPeerAddress(words: Uint32Array, from: number): number {
  return hash(words, from + WORD.address, from + WORD.address + 5)
}

/** Where a way leads, before it is encoded. */
export interface Direction {
  readonly peer: Endpoint
  /** The zone of a link-local peer, and the wire that a broadcast shall go to; 0: none. */
  readonly interfaceIndex: number
  /** The address to leave from; '' leaves that to the socket. */
  readonly localAddress: string
}

/** @throws Error where an address is no IP address: it was checked long before. */
export function encodeWay({ peer, interfaceIndex, localAddress }: Direction): Uint32Array {
  const words = new Uint32Array(WAY_WORDS)
  const view = new DataView(words.buffer)
  const ipv4 = parseIpv4(peer.address)
  const bytes = new Uint8Array(words.buffer)
  words[WORD.interface] = interfaceIndex
  new Uint16Array(words.buffer)[AT.family] = ipv4 === undefined ? AF_INET6 : AF_INET
  view.setUint16(AT.port, peer.port)
  if (ipv4 !== undefined) {
    view.setUint32(AT.ipv4, ipv4)
    view.setUint32(AT.local, parseIpv4(localAddress) ?? 0)
    return words
  }
  const ipv6 = parseIpv6(peer.address)
  if (ipv6 === undefined) throw new Error(`"${peer.address}" is not an address`)
  bytes.set(ipv6, AT.ipv6)
  if (isLinkLocalIpv6(peer.address)) words[AT.scope / 4] = interfaceIndex
  bytes.set(parseIpv6(localAddress) ?? [], AT.local)
  return words
}

/** What the words say; the local address is '' where the system did not tell it. */
function decodeWay(words: Uint32Array): Direction {
  const view = new DataView(words.buffer, words.byteOffset, words.byteLength)
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
  const port = view.getUint16(AT.port)
  const toldIndex = words[WORD.interface] ?? 0
  const told = words.subarray(AT.local / 4).some(word => word !== 0)
  if (new Uint16Array(words.buffer, words.byteOffset)[AT.family] === AF_INET) {
    return { peer: { address: formatIpv4(view.getUint32(AT.ipv4)), port }, interfaceIndex: toldIndex, localAddress: told ? formatIpv4(view.getUint32(AT.local)) : '' }
  }
  const address = formatIpv6(bytes.subarray(AT.ipv6, AT.ipv6 + 16))
  return { peer: { address, port }, interfaceIndex: toldIndex === 0 ? words[AT.scope / 4] ?? 0 : toldIndex, localAddress: told ? formatIpv6(bytes.subarray(AT.local, AT.local + 16)) : '' }
}

/** A Path that knows its words. */
export class Way implements Path {
  readonly local: Endpoint
  readonly interfaceName: string
  readonly peer: Endpoint
  readonly #words: Uint32Array
  readonly #owner: Ways

  constructor(owner: Ways, words: Uint32Array, { local, interfaceName, peer }: Path) {
    this.local = local
    this.interfaceName = interfaceName
    this.peer = peer
    this.#words = words
    this.#owner = owner
  }

  get owner(): Ways {
    return this.#owner
  }

  get words(): Uint32Array {
    return this.#words
  }

  equals(words: Uint32Array, from: number): boolean {
    for (let at = 0; at < WAY_WORDS; at++) if (this.#words[at] !== words[from + at]) return false
    return true
  }
}

/** The ways of one socket: the same object for the same words, as long as it is remembered. */
export class Ways {
  readonly #local: Endpoint
  readonly #nameOf: (interfaceIndex: number) => string
  readonly #byHash = new RecentMap<number, Way[]>(WAYS_MAX)

  /** @param local where the socket is bound */
  constructor(local: Endpoint, nameOf: (interfaceIndex: number) => string) {
    this.#local = local
    this.#nameOf = nameOf
  }

  /** The way whose words begin at `from`. They are copied where it is new. */
  at(words: Uint32Array, from: number): Way {
    const key = hash(words, from, from + WAY_WORDS) >>> 2 // 30 bits: a small integer in every V8
    const same = this.#byHash.get(key)
    if (same !== undefined) for (const way of same) if (way.equals(words, from)) return way
    const way = this.#make(words.slice(from, from + WAY_WORDS))
    if (same === undefined) this.#byHash.set(key, [way])
    else if (same.push(way) > SAME_HASH_MAX) same.shift()
    return way
  }

  #make(words: Uint32Array): Way {
    const { peer, interfaceIndex, localAddress } = decodeWay(words)
    const local = localAddress === '' || localAddress === this.#local.address ? this.#local : { address: localAddress, port: this.#local.port }
    return new Way(this, words, { local, interfaceName: interfaceIndex === 0 ? '' : this.#nameOf(interfaceIndex), peer })
  }
}
