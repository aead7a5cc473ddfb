/**
 * The one door for datagrams. Nothing else in Hamlet opens a UDP socket. It is batch-shaped: datagrams come many at a time in
 * one slab of bytes and leave together at `flush`, so that a native implementation can use recvmmsg and sendmmsg.
 */
import type { Endpoint, Path } from '../../endpoint.ts'

/** Room for an answer in place. Longer ones go by `send`. */
export const REPLY_BYTES_MAX = 1232

/** Datagrams that came together. Only lent: valid until the receiver returns. */
export interface DatagramBatch {
  readonly count: number
  readonly slab: Uint8Array
  /** Where datagram i begins in the slab, and how many bytes it has; the first `count` entries count. */
  readonly offsets: Uint32Array
  readonly lengths: Uint32Array
  /** The way that datagram i came by: made when it is first asked for, so a receiver that does without pays nothing for it. */
  path(index: number): Path
  /** Equal for equal addresses of peers, whatever their ports; 32 bits, so two addresses may share one. */
  peerHash(index: number): number
  /**
   * Answers in place: what a receiver writes here for datagram i, from `i * REPLY_BYTES_MAX` on, goes back the way that the
   * datagram came, when the receiver has returned. `replyLengths[i]` says how many bytes; it is 0 before. Both are empty where
   * datagrams come coalesced.
   */
  readonly replies: Uint8Array
  readonly replyLengths: Uint32Array
}

export interface DatagramDoor {
  /** One a socket; all have the same port. */
  readonly locals: readonly Endpoint[]
  /** Queues one datagram on the socket of `path.local`; it leaves at `flush`, or before where the queue is full. The bytes belong to the door until `flush` returns. */
  send(path: Path, bytes: Uint8Array): void
  /** Queues a train: `bytes` cut into datagrams of `segmentBytes`, the last of which may be shorter. One system call where it can be. They belong to the door until `flush` returns true. */
  sendTrain(path: Path, bytes: Uint8Array, segmentBytes: number): void
  /**
   * Hands everything queued to the system. What the network refuses is lost, as datagrams are.
   * @returns whether the bytes of all trains that were ever queued are their sender's again
   */
  flush(): boolean
  /** The way from the socket bound to `local` (its address, or the only socket there is) to a peer. */
  pathTo(peer: Endpoint, localAddress?: string): Path
  close(): Promise<void>
}

/** Which implementation: `auto` is the batch add-on where it loads, else node:dgram. */
export type Io = 'auto' | 'batch' | 'dgram'

export interface DoorOptions {
  /** One socket each. `0.0.0.0` really binds the wildcard; local-addresses.ts expands it for services that must not. */
  readonly addresses: readonly string[]
  /** 0: any free port, the same for all sockets. */
  readonly port: number
  readonly receive: (batch: DatagramBatch) => void
  readonly io?: Io
  /** May send to broadcast addresses. */
  readonly broadcast?: boolean
  /** Lets a wildcard socket and sockets of single addresses share the port. */
  readonly sharePort?: boolean
  /** Connects the one socket to this peer: only its datagrams arrive, and `onError` hears where nobody listens there (ECONNREFUSED). */
  readonly peer?: Endpoint
  /** This interface only. Where the door is node:dgram, the others are heard too. */
  readonly interfaceName?: string
  /** Paths say by which interface a datagram came, and of a wildcard socket to which address; an answer leaves from there. Not over node:dgram. */
  readonly tellInterface?: boolean
  /** The system may hand over many datagrams of one sender as one piece (UDP_GRO): for trains. They are told one by one as ever. */
  readonly coalesce?: boolean
  /**
   * Where datagrams come in crowds, a socket rests so long between readings, and many are read at once (reading-pace.ts). One that comes
   * alone is read at once. Not over node:dgram.
   */
  readonly restMs?: number
  /** A socket failed after it was open. */
  readonly onError?: (error: Error) => void
}
