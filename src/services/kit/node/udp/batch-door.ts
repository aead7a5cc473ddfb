/**
 * The datagram door over the batch add-on (native/socket.h): up to 64 datagrams per system call, and no object per datagram unless the
 * receiver asks for its path. Linux only.
 */
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { formatEndpoint, type Endpoint, type Path } from '../../endpoint.ts'
import { assert, HamletError } from '../../errors.ts'
import { isWildcard } from '../../ip-address.ts'
import { bindError } from '../bind-error.ts'
import { systemClock } from '../clock.ts'
import { OPTION, type BatchAddOn, type NativeSocket } from './batch-add-on.ts'
import type { DatagramBatch, DatagramDoor, DoorOptions } from './door.ts'
import { outgoingBatchOf, type OutgoingBatch } from './outgoing-batch.ts'
import { ReceiveModeration } from './receive-moderation.ts'
import { ADDRESS_BYTES, encodePath, hashPeerAddress, NativePath, NativePaths, PATH_WORDS } from './native-paths.ts'

/**
 * Opens one socket per address.
 * @throws HamletError port-taken, port-not-permitted or address-not-local, leaving no socket open
 */
export function openBatchDoor(addOn: BatchAddOn, options: DoorOptions): DatagramDoor {
  const sockets: BoundSocket[] = []
  let port = options.port
  try {
    for (const address of options.addresses) {
      const socket = new BoundSocket(addOn, { address, port }, options)
      sockets.push(socket)
      port = socket.local.port
    }
  } catch (error) {
    for (const socket of sockets) socket.close()
    throw error
  }
  return new BatchDoor(addOn, sockets, options)
}

class BatchDoor implements DatagramDoor {
  readonly locals: readonly Endpoint[]
  readonly #addOn: BatchAddOn
  readonly #sockets: readonly BoundSocket[]
  readonly #outgoing: OutgoingBatch
  readonly #options: DoorOptions
  #open = true

  constructor(addOn: BatchAddOn, sockets: readonly BoundSocket[], options: DoorOptions) {
    this.locals = sockets.map(({ local }) => local)
    this.#addOn = addOn
    this.#sockets = sockets
    this.#outgoing = outgoingBatchOf(addOn)
    this.#options = options
  }

  send(path: Path, bytes: Uint8Array): void {
    const socket = this.#socketOf(path)
    const words = this.#wordsOf(path, socket)
    if (words !== undefined) this.#outgoing.add(socket.native, words, bytes, this.#lost)
  }

  sendTrain(path: Path, bytes: Uint8Array, segmentBytes: number): void {
    const socket = this.#socketOf(path)
    const words = this.#wordsOf(path, socket)
    if (words !== undefined) this.#outgoing.sendTrain(socket.native, words, bytes, segmentBytes, this.#lost)
  }

  /** Always true: the system has copied what was sent, or the add-on has where the system had no room. */
  flush(): boolean {
    for (const { native } of this.#sockets) this.#outgoing.flush(native)
    return true
  }

  pathTo(peer: Endpoint, localAddress?: string): Path {
    const socket = localAddress === undefined
      ? this.#sockets.find(({ local }) => isOfOneFamily(local.address, peer.address)) ?? this.#sockets[0]
      : this.#sockets.find(({ local }) => local.address === localAddress) ?? this.#wildcardBeside(localAddress)
    assert(socket !== undefined, `a socket of this door is bound to ${localAddress ?? 'an address'}`)
    if (!isOfOneFamily(socket.local.address, peer.address)) return { local: socket.local, interfaceName: '', peer }
    return socket.paths.at(this.#encode(peer, '', localAddress ?? socket.local.address, socket), 0)
  }

  close(): Promise<void> {
    this.#open = false
    for (const socket of this.#sockets) {
      this.#outgoing.forget(socket.native)
      socket.close()
    }
    return Promise.resolve()
  }

  /** Reports a lost datagram if the door has a single peer; otherwise it is lost silently, as datagrams are. Never called within `send`. */
  readonly #lost = (errno: number): void => {
    const { peer, onError } = this.#options
    if (peer !== undefined && onError !== undefined) process.nextTick(() => { if (this.#open) onError(systemError('sendmmsg', errno)) })
  }

  #socketOf(path: Path): BoundSocket {
    const [first] = this.#sockets
    assert(first !== undefined, 'a door has a socket')
    if (this.#sockets.length === 1) return first
    const owner = path instanceof NativePath ? path.owner : undefined
    return this.#sockets.find(({ paths, local }) => paths === owner || local.address === path.local.address) ?? this.#wildcardBeside(path.local.address) ?? first
  }

  /**
   * The encoded path. A path that a machine created itself has no words yet and is encoded here. Undefined if nothing can be sent: the
   * door is closed, or the peer is of the other address family.
   */
  #wordsOf(path: Path, socket: BoundSocket): Uint32Array | undefined {
    if (!this.#open) return undefined
    if (path instanceof NativePath && path.owner === socket.paths) return path.words
    if (isOfOneFamily(socket.local.address, path.peer.address)) return this.#encode(path.peer, path.interfaceName, path.local.address, socket)
    this.#lost(constants.errno.EAFNOSUPPORT)
    return undefined
  }

  #encode(peer: Endpoint, interfaceName: string, localAddress: string, { local }: BoundSocket): Uint32Array {
    const name = interfaceName === '' ? this.#options.interfaceName ?? '' : interfaceName
    const interfaceIndex = name === '' ? 0 : this.#addOn.interfaceIndex(name)
    // If an interface is named, Linux ignores the address that the socket is bound to.
    return encodePath({ peer, interfaceIndex, localAddress: localAddress === local.address && interfaceIndex === 0 ? '' : localAddress })
  }

  /** A wildcard socket can send from any address of this machine, if the path names one. */
  #wildcardBeside(address: string): BoundSocket | undefined {
    return this.#sockets.find(({ local }) => isWildcard(local.address) && isOfOneFamily(local.address, address))
  }
}

function isOfOneFamily(one: string, other: string): boolean {
  return one.includes(':') === other.includes(':')
}

/** A socket of the add-on, its paths, and the batch it hands to the receiver. */
class BoundSocket {
  readonly local: Endpoint
  readonly native: NativeSocket
  readonly paths: NativePaths
  readonly #addOn: BatchAddOn
  readonly #moderation: ReceiveModeration | undefined
  #cancelPause = () => {}

  /** @throws HamletError as openBatchDoor; a system error if there is no route to the peer */
  constructor(addOn: BatchAddOn, { address, port }: Endpoint, options: DoorOptions) {
    const { receive, onError, peer, interfaceName = '', pauseMs } = options
    this.#addOn = addOn
    this.#moderation = pauseMs === undefined ? undefined : new ReceiveModeration(pauseMs)
    const interfaceIndex = interfaceName === '' ? 0 : addOn.interfaceIndex(interfaceName)
    if (interfaceName !== '' && interfaceIndex === 0) throw noSuchInterface(interfaceName, { address, port })
    const encode = (endpoint: Endpoint) => new Uint8Array(encodePath({ peer: endpoint, interfaceIndex, localAddress: '' }).buffer, 0, ADDRESS_BYTES)
    try {
      this.native = addOn.open(encode({ address, port }), peer === undefined ? undefined : encode(peer), optionBits(options), interfaceName, countOrError => {
        if (countOrError < 0) return onError?.(systemError('recvmmsg', -countOrError))
        batch.count = countOrError
        this.#pauseAfter(countOrError)
        receive(batch)
      })
    } catch (error) {
      throw isBindError(error) ? bindError(error, 'udp', { address, port }) : error
    }
    this.local = { address, port: addOn.port(this.native) }
    this.paths = new NativePaths(this.local, index => addOn.interfaceName(index))
    const batch = new SlabBatch(addOn, this.paths, options.coalesce === true)
  }

  close(): void {
    this.#cancelPause()
    this.#addOn.close(this.native)
  }

  #pauseAfter(count: number): void {
    if (this.#moderation === undefined) return
    const pauseUntilMs = this.#moderation.pauseUntilMs(count, systemClock.nowMs())
    if (pauseUntilMs === undefined) return
    this.#addOn.pause(this.native, true)
    // Not the clock's timers, which do not keep the process alive: neither does a paused socket.
    const timer = setTimeout(() => this.#addOn.pause(this.native, false), pauseUntilMs - systemClock.nowMs())
    this.#cancelPause = () => clearTimeout(timer)
  }
}

function optionBits({ broadcast, sharePort, packetInfo, coalesce }: DoorOptions): number {
  return (broadcast === true ? OPTION.broadcast : 0) | (sharePort === true ? OPTION.sharePort : 0)
    | (packetInfo === true ? OPTION.packetInfo : 0) | (coalesce === true ? OPTION.coalesce : 0)
}

function noSuchInterface(interfaceName: string, endpoint: Endpoint): HamletError {
  return new HamletError({
    code: 'address-not-local', what: `UDP port ${endpoint.port} on ${endpoint.address} could not be opened`, why: `this machine has no interface "${interfaceName}"`,
    remedy: 'name an interface that "ip link" lists', proof: `ENODEV at bind ${formatEndpoint(endpoint)}`,
  })
}

function isBindError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && error.syscall === 'bind'
}

function systemError(syscall: string, errno: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno)
  return Object.assign(new Error(`${syscall} ${code}`), { code, errno: -errno, syscall })
}

/** What is in the slab: the same object for all batches of a socket. */
class SlabBatch implements DatagramBatch {
  count = 0
  readonly slab: Uint8Array
  readonly offsets: Uint32Array
  readonly lengths: Uint32Array
  readonly replies: Uint8Array
  readonly replyLengths: Uint32Array
  readonly #receivedPaths: Uint32Array
  readonly #slots: Uint32Array
  readonly #paths: NativePaths

  /** @param coalesced rules out in-place replies: there can be more datagrams than reply slots */
  constructor(addOn: BatchAddOn, paths: NativePaths, coalesced: boolean) {
    this.slab = addOn.datagrams
    this.offsets = addOn.offsets
    this.lengths = addOn.lengths
    this.replies = coalesced ? new Uint8Array(0) : addOn.replies
    this.replyLengths = coalesced ? new Uint32Array(0) : addOn.replyLengths
    this.#receivedPaths = addOn.receivedPaths
    this.#slots = addOn.slots
    this.#paths = paths
  }

  path(index: number): Path {
    return this.#paths.at(this.#receivedPaths, (this.#slots[index] ?? 0) * PATH_WORDS)
  }

  peerHash(index: number): number {
    return hashPeerAddress(this.#receivedPaths, (this.#slots[index] ?? 0) * PATH_WORDS)
  }
}
