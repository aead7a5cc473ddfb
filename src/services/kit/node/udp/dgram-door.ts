/** The datagram door over node:dgram: works everywhere, at one datagram per system call. */
import { createSocket, type Socket } from 'node:dgram'
import { isIP } from 'node:net'
import type { Endpoint, Path } from '../../endpoint.ts'
import { assert } from '../../errors.ts'
import { isLinkLocalIpv6 } from '../../ip-address.ts'
import { bindError } from '../bind-error.ts'
import { freeBuffer } from '../free-buffer.ts'
import { REPLY_BYTES_MAX, type DatagramBatch, type DatagramDoor, type DoorOptions } from './door.ts'
import { RecentMap } from '../../recent-map.ts'

/** The system's default buffer holds a few hundred small datagrams. It may grant less than requested here. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
const PATHS_MAX = 8192

/**
 * Opens one socket per address.
 * @throws HamletError port-taken, port-not-permitted or address-not-local, leaving no socket open
 */
export async function openDgramDoor(options: DoorOptions): Promise<DatagramDoor> {
  const doors: BoundSocket[] = []
  let port = options.port
  try {
    for (const address of options.addresses) {
      const bound = await bind(address, port, options)
      doors.push(bound)
      port = bound.local.port
    }
  } catch (error) {
    for (const { socket } of doors) socket.close()
    throw error
  }
  return new DgramDoor(doors, options)
}

interface BoundSocket {
  readonly local: Endpoint
  readonly socket: Socket
}

async function bind(address: string, port: number, options: DoorOptions): Promise<BoundSocket> {
  const family = isIP(address) === 6 ? 6 : 4
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    ipv6Only: family === 6,
    reuseAddr: options.sharePort ?? false,
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    // Every address here is a literal and is returned as it is, without a trip to the resolver's thread.
    lookup: (host, _options, found) => found(null, host, family),
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', error => {
      socket.close()
      reject(bindError(error, 'udp', { address, port }))
    })
    socket.bind(port, zoned(address, options.interfaceName), resolve)
  })
  socket.removeAllListeners('error')
  if (options.broadcast === true) socket.setBroadcast(true)
  if (options.peer !== undefined) await connect(socket, { address: zoned(options.peer.address, options.interfaceName), port: options.peer.port })
  return { local: { address, port: socket.address().port }, socket }
}

/** Closes the socket if the system has no route to the peer. */
function connect(socket: Socket, { address, port }: Endpoint): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.connect(port, address, (error?: Error | null) => {
      if (error === undefined || error === null) return resolve()
      socket.close()
      reject(error)
    })
  })
}

class DgramDoor implements DatagramDoor {
  readonly locals: readonly Endpoint[]
  readonly #sockets: readonly BoundSocket[]
  readonly #queue: Queued[] = []
  readonly #paths = new RecentMap<string, Path>(PATHS_MAX)
  readonly #options: DoorOptions
  #open = true

  constructor(sockets: readonly BoundSocket[], options: DoorOptions) {
    const { receive, onError } = options
    this.#options = options
    this.#sockets = sockets
    this.locals = sockets.map(({ local }) => local)
    for (const { socket, local } of sockets) {
      const batch = new BatchOfOne((address, peerPort) => {
        const [unzoned = '', zone = ''] = address.split('%')
        return this.#path(local, { address: unzoned, port: peerPort }, zone)
      })
      socket.on('message', (message, sender) => {
        batch.take(message, sender)
        receive(batch)
        const answer = batch.answer()
        // No callback, which would cost each reply a turn of the tick queue: send errors arrive as events instead.
        if (answer !== undefined && this.#open) socket.send(answer, sender.port, sender.address)
        freeBuffer(message) // only borrowed by the receiver
      })
      socket.on('error', (error: NodeJS.ErrnoException) => { if (error.syscall !== 'send') onError?.(error) })
    }
  }

  send(path: Path, bytes: Uint8Array): void {
    this.#queue.push({ path, bytes, isOfTrain: false })
  }

  sendTrain(path: Path, bytes: Uint8Array, segmentBytes: number): void {
    for (let at = 0; at < bytes.length; at += segmentBytes) this.#queue.push({ path, bytes: bytes.subarray(at, at + segmentBytes), isOfTrain: true })
  }

  flush(): boolean {
    for (const queued of this.#queue.splice(0)) {
      if (!this.#open) return true
      const bound = this.#sockets.find(({ local }) => local.address === queued.path.local.address) ?? this.#sockets[0]
      if (bound !== undefined) this.#send(bound, queued)
    }
    return this.#sockets.every(({ socket }) => !reportsQueue(socket) || socket.getSendQueueCount() === 0)
  }

  pathTo(peer: Endpoint, localAddress?: string): Path {
    const bound = localAddress === undefined
      ? this.locals.find(local => local.address.includes(':') === peer.address.includes(':')) ?? this.locals[0]
      : this.locals.find(local => local.address === localAddress)
    assert(bound !== undefined, `a socket of this door is bound to ${localAddress ?? 'an address'}`)
    return this.#path(bound, peer, isLinkLocalIpv6(peer.address) ? this.#options.interfaceName ?? '' : '')
  }

  close(): Promise<void> {
    if (!this.#open) return Promise.resolve()
    this.#open = false
    return Promise.all(this.#sockets.map(({ socket }) => new Promise<void>(resolve => socket.close(resolve)))).then(() => undefined)
  }

  /**
   * The system takes a datagram at once, or it stays in Node's queue and is read later. So a train is sent without a copy, and `flush`
   * reports whether the queue is empty; other datagrams are copied. A callback costs a turn of the tick queue, so only a connected door
   * passes one: without a connected peer, a refused or unroutable datagram is simply lost.
   */
  #send({ socket }: BoundSocket, { path, bytes, isOfTrain }: Queued): void {
    const sent = isOfTrain && reportsQueue(socket) ? bytes : Buffer.from(bytes)
    if (this.#options.peer === undefined) return socket.send(sent, path.peer.port, zoned(path.peer.address, path.interfaceName))
    socket.send(sent, error => { if (error !== null) this.#options.onError?.(error) })
  }

  /** Returns the same object for the same endpoints, while it is remembered. */
  #path(local: Endpoint, peer: Endpoint, interfaceName: string): Path {
    const key = `${local.address} ${peer.address} ${peer.port} ${interfaceName}`
    let path = this.#paths.get(key)
    if (path === undefined) {
      path = { local, interfaceName, peer }
      this.#paths.set(key, path)
    }
    return path
  }
}

interface Queued {
  readonly path: Path
  readonly bytes: Uint8Array
  readonly isOfTrain: boolean
}

/** Node reports how many datagrams are in a socket's queue since 16.19. */
function reportsQueue(socket: Socket): boolean {
  return 'getSendQueueCount' in socket
}

interface Sender {
  readonly address: string
  readonly port: number
}

/** What node:dgram delivers: one datagram per call. The same object for all datagrams of a socket. */
class BatchOfOne implements DatagramBatch {
  readonly count = 1
  slab: Uint8Array = new Uint8Array(0)
  readonly offsets = Uint32Array.of(0)
  readonly lengths = Uint32Array.of(0)
  readonly replies = Buffer.alloc(REPLY_BYTES_MAX)
  readonly replyLengths = Uint32Array.of(0)
  #sender: Sender = { address: '', port: 0 }
  /** The path last asked for: as a rule the next datagram came by the same one. */
  #latest: { readonly sender: Sender; readonly path: Path } | undefined
  readonly #pathFrom: (address: string, port: number) => Path

  constructor(pathFrom: (address: string, port: number) => Path) {
    this.#pathFrom = pathFrom
  }

  take(message: Uint8Array, sender: Sender): void {
    this.slab = message
    this.lengths[0] = message.length
    this.replyLengths[0] = 0
    this.#sender = sender
  }

  path(): Path {
    const { address, port } = this.#sender
    if (this.#latest?.sender.port !== port || this.#latest.sender.address !== address) this.#latest = { sender: this.#sender, path: this.#pathFrom(address, port) }
    return this.#latest.path
  }

  /** FNV-1a over the address's text. */
  peerHash(): number {
    const { address } = this.#sender
    let hash = 0x811c9dc5
    for (let at = 0; at < address.length; at++) hash = Math.imul(hash ^ address.charCodeAt(at), 0x01000193)
    return hash >>> 0
  }

  /** A copy of the in-place reply, since the system may read it later; undefined if there is none. */
  answer(): Uint8Array | undefined {
    const length = this.replyLengths[0] ?? 0
    if (length === 0) return undefined
    const copy = Buffer.allocUnsafe(length) // from Node's pool: much cheaper than its own allocation
    this.replies.copy(copy, 0, 0, length)
    return copy
  }
}

/** A link-local address with its zone, in node:dgram's form: `fe80::1%eth0`. */
function zoned(address: string, interfaceName = ''): string {
  return interfaceName !== '' && isLinkLocalIpv6(address) ? `${address}%${interfaceName}` : address
}
