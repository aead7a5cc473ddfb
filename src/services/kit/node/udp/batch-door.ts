/**
 * The door for datagrams over the batch add-on (native/socket.h): up to 64 datagrams a system call, and no object for a datagram
 * unless the receiver asks for its path. Linux only.
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
import { ReadingPace } from './reading-pace.ts'
import { ADDRESS_BYTES, encodeWay, hashPeerAddress, Way, WAY_WORDS, Ways } from './ways.ts'

/**
 * Opens one socket for each address.
 * @throws HamletError port-taken, port-not-permitted or address-not-local; then no socket stays open
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

  /** The system, or the add-on where the system has no room, has copied what was sent. */
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
    return socket.ways.at(this.#encode(peer, '', localAddress ?? socket.local.address, socket), 0)
  }

  close(): Promise<void> {
    this.#open = false
    for (const socket of this.#sockets) {
      this.#outgoing.forget(socket.native)
      socket.close()
    }
    return Promise.resolve()
  }

  /** Hears of a lost datagram where the door has one peer; elsewhere it is lost in silence, as datagrams are. Never inside `send`. */
  readonly #lost = (errno: number): void => {
    const { peer, onError } = this.#options
    if (peer !== undefined && onError !== undefined) process.nextTick(() => { if (this.#open) onError(systemError('sendmmsg', errno)) })
  }

  #socketOf(path: Path): BoundSocket {
    const [first] = this.#sockets
    assert(first !== undefined, 'a door has a socket')
    if (this.#sockets.length === 1) return first
    const owner = path instanceof Way ? path.owner : undefined
    return this.#sockets.find(({ ways, local }) => ways === owner || local.address === path.local.address) ?? this.#wildcardBeside(path.local.address) ?? first
  }

  /**
   * Paths that the machines made themselves know no words: they are written down anew. Undefined where nothing can be sent: the door is
   * closed, or the peer is of the other family.
   */
  #wordsOf(path: Path, socket: BoundSocket): Uint32Array | undefined {
    if (!this.#open) return undefined
    if (path instanceof Way && path.owner === socket.ways) return path.words
    if (isOfOneFamily(socket.local.address, path.peer.address)) return this.#encode(path.peer, path.interfaceName, path.local.address, socket)
    this.#lost(constants.errno.EAFNOSUPPORT)
    return undefined
  }

  #encode(peer: Endpoint, interfaceName: string, localAddress: string, { local }: BoundSocket): Uint32Array {
    const name = interfaceName === '' ? this.#options.interfaceName ?? '' : interfaceName
    const interfaceIndex = name === '' ? 0 : this.#addOn.interfaceIndex(name)
    // Where an interface is named, Linux forgets the address that the socket is bound to.
    return encodeWay({ peer, interfaceIndex, localAddress: localAddress === local.address && interfaceIndex === 0 ? '' : localAddress })
  }

  /** A wildcard socket leaves from any address of this machine, if told. */
  #wildcardBeside(address: string): BoundSocket | undefined {
    return this.#sockets.find(({ local }) => isWildcard(local.address) && isOfOneFamily(local.address, address))
  }
}

function isOfOneFamily(one: string, other: string): boolean {
  return one.includes(':') === other.includes(':')
}

/** A socket of the add-on, its ways, and what it hands to the receiver. */
class BoundSocket {
  readonly local: Endpoint
  readonly native: NativeSocket
  readonly ways: Ways
  readonly #addOn: BatchAddOn
  readonly #pace: ReadingPace | undefined
  #endRest = () => {}

  /** @throws HamletError as openBatchDoor; Error of the system where there is no way to the peer */
  constructor(addOn: BatchAddOn, { address, port }: Endpoint, options: DoorOptions) {
    const { receive, onError, peer, interfaceName = '', restMs } = options
    this.#addOn = addOn
    this.#pace = restMs === undefined ? undefined : new ReadingPace(restMs)
    const interfaceIndex = interfaceName === '' ? 0 : addOn.interfaceIndex(interfaceName)
    if (interfaceName !== '' && interfaceIndex === 0) throw noSuchInterface(interfaceName, { address, port })
    const encode = (endpoint: Endpoint) => new Uint8Array(encodeWay({ peer: endpoint, interfaceIndex, localAddress: '' }).buffer, 0, ADDRESS_BYTES)
    try {
      this.native = addOn.open(encode({ address, port }), peer === undefined ? undefined : encode(peer), optionBits(options), interfaceName, countOrError => {
        if (countOrError < 0) return onError?.(systemError('recvmmsg', -countOrError))
        batch.count = countOrError
        this.#restAfter(countOrError)
        receive(batch)
      })
    } catch (error) {
      throw isBindError(error) ? bindError(error, 'udp', { address, port }) : error
    }
    this.local = { address, port: addOn.port(this.native) }
    this.ways = new Ways(this.local, index => addOn.interfaceName(index))
    const batch = new SlabBatch(addOn, this.ways, options.coalesce === true)
  }

  close(): void {
    this.#endRest()
    this.#addOn.close(this.native)
  }

  #restAfter(count: number): void {
    if (this.#pace === undefined) return
    const restsUntilMs = this.#pace.restsUntilMs(count, systemClock.nowMs())
    if (restsUntilMs === undefined) return
    this.#addOn.rest(this.native, true)
    // Not by the clock, whose timers do not keep a process alive: while it rests, the socket does not either.
    const timer = setTimeout(() => this.#addOn.rest(this.native, false), restsUntilMs - systemClock.nowMs())
    this.#endRest = () => clearTimeout(timer)
  }
}

function optionBits({ broadcast, sharePort, tellInterface, coalesce }: DoorOptions): number {
  return (broadcast === true ? OPTION.broadcast : 0) | (sharePort === true ? OPTION.sharePort : 0)
    | (tellInterface === true ? OPTION.tellInterface : 0) | (coalesce === true ? OPTION.coalesce : 0)
}

function noSuchInterface(interfaceName: string, endpoint: Endpoint): HamletError {
  return new HamletError({
    code: 'address-not-local', what: `UDP port ${endpoint.port} on ${endpoint.address} could not be opened`, why: `this machine has no interface "${interfaceName}"`,
    remedy: 'name one that "ip link" lists', proof: `ENODEV at bind ${formatEndpoint(endpoint)}`,
  })
}

function isBindError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && error.syscall === 'bind'
}

function systemError(syscall: string, errno: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno)
  return Object.assign(new Error(`${syscall} ${code}`), { code, errno: -errno, syscall })
}

/** What lies in the slab; the same object for all batches of a socket. */
class SlabBatch implements DatagramBatch {
  count = 0
  readonly slab: Uint8Array
  readonly offsets: Uint32Array
  readonly lengths: Uint32Array
  readonly replies: Uint8Array
  readonly replyLengths: Uint32Array
  readonly #came: Uint32Array
  readonly #slots: Uint32Array
  readonly #ways: Ways

  /** @param coalesced leaves no room for answers in place: joined datagrams are more than there are rooms */
  constructor(addOn: BatchAddOn, ways: Ways, coalesced: boolean) {
    this.slab = addOn.datagrams
    this.offsets = addOn.offsets
    this.lengths = addOn.lengths
    this.replies = coalesced ? new Uint8Array(0) : addOn.replies
    this.replyLengths = coalesced ? new Uint32Array(0) : addOn.replyLengths
    this.#came = addOn.came
    this.#slots = addOn.slots
    this.#ways = ways
  }

  path(index: number): Path {
    return this.#ways.at(this.#came, (this.#slots[index] ?? 0) * WAY_WORDS)
  }

  peerHash(index: number): number {
    return hashPeerAddress(this.#came, (this.#slots[index] ?? 0) * WAY_WORDS)
  }
}
