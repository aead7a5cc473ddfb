/** The door for datagrams over node:dgram: works everywhere, one datagram a system call. */
import { createSocket, type Socket } from 'node:dgram'
import { isIP } from 'node:net'
import type { Endpoint, Path } from '../../endpoint.ts'
import { assert } from '../../errors.ts'
import { isLinkLocalIpv6 } from '../../ip-address.ts'
import { bindError } from '../bind-error.ts'
import { giveBack } from '../give-back.ts'
import { REPLY_BYTES_MAX, type DatagramBatch, type DatagramDoor, type DoorOptions } from './door.ts'
import { RecentMap } from '../../recent-map.ts'

/** The system's default buffer holds a few hundred small datagrams; it may grant less than what is asked here. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
const PATHS_MAX = 8192

/**
 * Opens one socket for each address.
 * @throws HamletError port-taken, port-not-permitted or address-not-local; then no socket stays open
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
    // Every address here is a literal: the answer is the question, and the resolver's thread is spared.
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

/** Closes the socket where the system knows no way to the peer. */
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
        // Without a callback, which would cost each answer a turn of the tick queue; the errors of sending come as events then.
        if (answer !== undefined && this.#open) socket.send(answer, sender.port, sender.address)
        giveBack(message) // the receiver had it lent
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
    return this.#sockets.every(({ socket }) => !tellsQueue(socket) || socket.getSendQueueCount() === 0)
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
   * The system takes a datagram at once, or it stays in Node's queue and is read later: a train is sent as it lies, and `flush` says
   * whether anything is in the queue; of others there is a copy. A callback costs a turn of the tick queue: only those get one
   * whose errors somebody hears of. Without a connected peer, a refused or unroutable datagram is a lost one.
   */
  #send({ socket }: BoundSocket, { path, bytes, isOfTrain }: Queued): void {
    const sent = isOfTrain && tellsQueue(socket) ? bytes : Buffer.from(bytes)
    if (this.#options.peer === undefined) return socket.send(sent, path.peer.port, zoned(path.peer.address, path.interfaceName))
    socket.send(sent, error => { if (error !== null) this.#options.onError?.(error) })
  }

  /** The same object for the same way, as long as it is remembered. */
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

/** Node tells how many datagrams are in a socket's queue since 16.19. */
function tellsQueue(socket: Socket): boolean {
  return 'getSendQueueCount' in socket
}

interface Sender {
  readonly address: string
  readonly port: number
}

/** What node:dgram gives: one datagram a call. The same object for all of a socket's datagrams. */
class BatchOfOne implements DatagramBatch {
  readonly count = 1
  slab: Uint8Array = new Uint8Array(0)
  readonly offsets = Uint32Array.of(0)
  readonly lengths = Uint32Array.of(0)
  readonly replies = Buffer.alloc(REPLY_BYTES_MAX)
  readonly replyLengths = Uint32Array.of(0)
  #sender: Sender = { address: '', port: 0 }
  /** Of the latest datagram whose path was asked for: as a rule the next one came the same way. */
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

  /** A copy of the answer in place, since the system may read it later; undefined where there is none. */
  answer(): Uint8Array | undefined {
    const length = this.replyLengths[0] ?? 0
    if (length === 0) return undefined
    const copy = Buffer.allocUnsafe(length) // out of Node's pool: much cheaper than memory of its own
    this.replies.copy(copy, 0, 0, length)
    return copy
  }
}

/** A link-local address with its zone, as node:dgram takes and gives it: `fe80::1%eth0`. */
function zoned(address: string, interfaceName = ''): string {
  return interfaceName !== '' && isLinkLocalIpv6(address) ? `${address}%${interfaceName}` : address
}
