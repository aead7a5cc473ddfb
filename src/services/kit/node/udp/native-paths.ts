/**
 * Paths in the batch add-on's encoding. A path is twelve 32-bit words (`struct path` in native/outbox.h): the peer as the system's own
 * socket address, the interface, and the local address.
 */
import { randomFillSync } from 'node:crypto'
import type { Endpoint, Path } from '../../endpoint.ts'
import { formatIpv4, formatIpv6, isLinkLocalIpv6, parseIpv4, parseIpv6 } from '../../ip-address.ts'
import { RecentMap } from '../../recent-map.ts'

export const PATH_WORDS = 12
/** The socket address at their beginning, in bytes. */
export const ADDRESS_BYTES = 28

/** How many paths a socket remembers, and how many of them per hash value. */
const PATHS_MAX = 8192
const SAME_HASH_MAX = 8

/** Linux's address family numbers, in the first two bytes, in this machine's byte order. */
const AF_INET = 2
const AF_INET6 = 10
const AT = { family: 0, port: 2, ipv4: 4, ipv6: 8, scope: 24, interface: 28, local: 32 } as const
const WORD = { address: 1, interface: 7 } as const

const [seed = 0] = randomFillSync(new Uint32Array(1))

/** Seeded per process, so that no attacker can choose addresses that collide. */
function hash(words: Uint32Array, from: number, to: number): number {
  let value = seed
  for (let at = from; at < to; at++) {
    value = Math.imul(value ^ (words[at] ?? 0), 0x9e3779b1)
    value ^= value >>> 15
  }
  return value >>> 0
}

/** A hash of the peer's address, without its port. */
export function hashPeerAddress(words: Uint32Array, from: number): number {
  return hash(words, from + WORD.address, from + WORD.address + 5)
}

/** A path before it is encoded. */
export interface PathFields {
  readonly peer: Endpoint
  /** The zone of a link-local peer, or the interface to broadcast on; 0 for none. */
  readonly interfaceIndex: number
  /** The address to send from; '' leaves the choice to the socket. */
  readonly localAddress: string
}

/** @throws Error if an address is not an IP address, which callers have checked long before */
export function encodePath({ peer, interfaceIndex, localAddress }: PathFields): Uint32Array {
  const words = new Uint32Array(PATH_WORDS)
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

/** The local address is '' if the system did not report it. */
function decodePath(words: Uint32Array): PathFields {
  const view = new DataView(words.buffer, words.byteOffset, words.byteLength)
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
  const port = view.getUint16(AT.port)
  const reportedIndex = words[WORD.interface] ?? 0
  const hasLocal = words.subarray(AT.local / 4).some(word => word !== 0)
  if (new Uint16Array(words.buffer, words.byteOffset)[AT.family] === AF_INET) {
    return { peer: { address: formatIpv4(view.getUint32(AT.ipv4)), port }, interfaceIndex: reportedIndex, localAddress: hasLocal ? formatIpv4(view.getUint32(AT.local)) : '' }
  }
  const address = formatIpv6(bytes.subarray(AT.ipv6, AT.ipv6 + 16))
  return { peer: { address, port }, interfaceIndex: reportedIndex === 0 ? words[AT.scope / 4] ?? 0 : reportedIndex, localAddress: hasLocal ? formatIpv6(bytes.subarray(AT.local, AT.local + 16)) : '' }
}

/** A Path that keeps its encoding. */
export class NativePath implements Path {
  readonly local: Endpoint
  readonly interfaceName: string
  readonly peer: Endpoint
  readonly #words: Uint32Array
  readonly #owner: NativePaths

  constructor(owner: NativePaths, words: Uint32Array, { local, interfaceName, peer }: Path) {
    this.local = local
    this.interfaceName = interfaceName
    this.peer = peer
    this.#words = words
    this.#owner = owner
  }

  get owner(): NativePaths {
    return this.#owner
  }

  get words(): Uint32Array {
    return this.#words
  }

  equals(words: Uint32Array, from: number): boolean {
    for (let at = 0; at < PATH_WORDS; at++) if (this.#words[at] !== words[from + at]) return false
    return true
  }
}

/** The paths of one socket. The same words give the same object, while it is remembered. */
export class NativePaths {
  readonly #local: Endpoint
  readonly #nameOf: (interfaceIndex: number) => string
  readonly #byHash = new RecentMap<number, NativePath[]>(PATHS_MAX)

  /** @param local the endpoint that the socket is bound to */
  constructor(local: Endpoint, nameOf: (interfaceIndex: number) => string) {
    this.#local = local
    this.#nameOf = nameOf
  }

  /** The path whose words begin at `from`. They are copied if it is new. */
  at(words: Uint32Array, from: number): NativePath {
    const key = hash(words, from, from + PATH_WORDS) >>> 2 // 30 bits: a small integer in every V8
    const same = this.#byHash.get(key)
    if (same !== undefined) for (const path of same) if (path.equals(words, from)) return path
    const path = this.#make(words.slice(from, from + PATH_WORDS))
    if (same === undefined) this.#byHash.set(key, [path])
    else if (same.push(path) > SAME_HASH_MAX) same.shift()
    return path
  }

  #make(words: Uint32Array): NativePath {
    const { peer, interfaceIndex, localAddress } = decodePath(words)
    const local = localAddress === '' || localAddress === this.#local.address ? this.#local : { address: localAddress, port: this.#local.port }
    return new NativePath(this, words, { local, interfaceName: interfaceIndex === 0 ? '' : this.#nameOf(interfaceIndex), peer })
  }
}
