/**
 * The door through which all datagrams pass: nothing else in Hamlet opens a UDP socket. Its interface works in batches: datagrams arrive
 * many at a time in one slab of bytes, and leave together at `flush`, so that a native implementation can use recvmmsg and sendmmsg.
 */
import type { Endpoint, Path } from '../../endpoint.ts'

/** The longest in-place reply. Longer replies go by `send`. */
export const REPLY_BYTES_MAX = 1232

/** Datagrams that arrived together. Borrowed: valid only until the receiver returns. */
export interface DatagramBatch {
  readonly count: number
  readonly slab: Uint8Array
  /** Where datagram i begins in the slab, and its length. Only the first `count` entries are valid. */
  readonly offsets: Uint32Array
  readonly lengths: Uint32Array
  /** The path that datagram i came by. Created on first use, so a receiver that does not need it pays nothing. */
  path(index: number): Path
  /** A hash of the peer's address, without its port. It has 32 bits, so two addresses may share one. */
  peerHash(index: number): number
  /**
   * In-place replies: what the receiver writes for datagram i, from `i * REPLY_BYTES_MAX` on, is sent back along that datagram's path
   * when the receiver returns. The receiver sets `replyLengths[i]`, initially 0, to its length. Both arrays are empty where datagrams
   * arrive coalesced.
   */
  readonly replies: Uint8Array
  readonly replyLengths: Uint32Array
}

export interface DatagramDoor {
  /** One per socket; all have the same port. */
  readonly locals: readonly Endpoint[]
  /**
   * Queues one datagram on the socket of `path.local`. It leaves at `flush`, or earlier if the queue is full. The bytes belong to the door
   * until `flush` returns.
   */
  send(path: Path, bytes: Uint8Array): void
  /**
   * Queues a train: `bytes` cut into datagrams of `segmentBytes`, of which the last may be shorter, in one system call where possible. The
   * bytes belong to the door until `flush` returns true.
   */
  sendTrain(path: Path, bytes: Uint8Array, segmentBytes: number): void
  /**
   * Hands everything queued to the system. What the network refuses is lost, as datagrams are.
   * @returns whether the sender may reuse the bytes of all trains queued so far
   */
  flush(): boolean
  /** The path to a peer from the socket bound to `localAddress`; without one, from a socket of the peer's address family. */
  pathTo(peer: Endpoint, localAddress?: string): Path
  close(): Promise<void>
}

/** The implementation: `auto` is the batch add-on if it loads, otherwise node:dgram. */
export type Io = 'auto' | 'batch' | 'dgram'

export interface DoorOptions {
  /** One socket each. `0.0.0.0` binds the wildcard address; local-addresses.ts expands it for services that must not. */
  readonly addresses: readonly string[]
  /** 0 for any free port. All sockets get the same one. */
  readonly port: number
  readonly receive: (batch: DatagramBatch) => void
  readonly io?: Io
  /** Allows sending to broadcast addresses (SO_BROADCAST). */
  readonly broadcast?: boolean
  /** Lets a wildcard socket and sockets on single addresses share the port (SO_REUSEADDR). */
  readonly sharePort?: boolean
  /** Connects the single socket to this peer: only its datagrams arrive, and `onError` reports if nobody listens there (ECONNREFUSED). */
  readonly peer?: Endpoint
  /** Receives on this interface only (SO_BINDTODEVICE). Over node:dgram, datagrams of other interfaces arrive too. */
  readonly interfaceName?: string
  /**
   * Paths include the interface that a datagram arrived on and, on a wildcard socket, its destination address; a reply leaves from there
   * (IP_PKTINFO). Not over node:dgram.
   */
  readonly packetInfo?: boolean
  /** The system may join many datagrams of one sender (UDP_GRO), for trains. They are still delivered one by one. */
  readonly coalesce?: boolean
  /**
   * Under load, a socket pauses this long between reads, so that many datagrams are read at once (receive-moderation.ts). A single datagram
   * is still read at once. Not over node:dgram.
   */
  readonly pauseMs?: number
  /** Called when a socket fails after it was opened. */
  readonly onError?: (error: Error) => void
}
