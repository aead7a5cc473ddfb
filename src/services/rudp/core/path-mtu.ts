/**
 * Datagram packetization layer path MTU discovery (RFC 8899, as used in RFC 9000 §14.3): how long datagrams on this
 * path may be. It starts with a size that every path carries, and sends padded probes of larger sizes; which ones
 * arrive narrows the search. A lost probe means nothing to congestion control. If long datagrams stop getting through,
 * it falls back to the base size, and below that if even those are lost, and then searches again: soon, because the
 * peer may only have been busy, and later each time.
 *
 * Between two programs on one machine, datagrams may have 60 KB: the MTU of the loopback interface is 64 KB, and every
 * datagram costs a system call. Elsewhere nothing above Ethernet's 1,500 bytes is tried: Linux would fragment a longer
 * datagram, and the probe would prove nothing.
 */
import type { Path } from '../../kit/endpoint.ts'
import { isLoopback } from '../../kit/ip-address.ts'
import { DATAGRAM_BYTES_BASE, DATAGRAM_BYTES_MAX } from '../wire/packet.ts'

/** Ethernet's 1,500 bytes minus the headers of IP and UDP. */
const ETHERNET_IPV4_BYTES = 1472
const ETHERNET_IPV6_BYTES = 1452
/**
 * What every IPv4 host accepts (576 bytes, RFC 1122 §3.3.2) minus the same headers. Used if even 1,200 bytes do not get
 * through.
 */
const DATAGRAM_BYTES_FLOOR = 548
/** RFC 8899 §5.1.2, MAX_PROBES. */
const PROBES_MAX = 3
/** The search ends at this precision. */
const CLOSE_ENOUGH_BYTES = 20
/** RFC 8899 §5.1.1, PMTU_RAISE_TIMER: the path may have improved. */
const RAISE_MS = 600_000
/** After this many consecutive unanswered probes of loss detection, a black hole is suspected. */
const BLACK_HOLE_BACK_OFF = 3
/** The search starts over this long after the first black hole; the delay doubles with each. */
const SEARCH_AGAIN_MS = 1_000

export class PathMtu {
  /** The size to use now. */
  datagramBytes = DATAGRAM_BYTES_BASE
  #ceilingBytes: number
  /** The smallest size that failed. */
  #tooLongBytes: number
  #probesLost = 0
  #isProbing = false
  #nextAtMs = -Infinity
  #blackHoles = 0

  constructor(ceilingBytes: number) {
    this.#ceilingBytes = ceilingBytes
    this.#tooLongBytes = ceilingBytes + 1
  }

  /** The size to probe now, or undefined. Call `probeSent` once the probe leaves. */
  nextProbeBytes(nowMs: number): number | undefined {
    if (this.#isProbing || nowMs < this.#nextAtMs) return undefined
    if (this.#nextAtMs > -Infinity) this.#tooLongBytes = this.#ceilingBytes + 1 // the raise timer expired
    this.#nextAtMs = -Infinity
    const known = this.datagramBytes
    if (known >= this.#ceilingBytes || this.#tooLongBytes - known <= CLOSE_ENOUGH_BYTES) {
      this.#nextAtMs = nowMs + RAISE_MS
      return undefined
    }
    return this.#tooLongBytes > this.#ceilingBytes ? this.#ceilingBytes : Math.floor((known + this.#tooLongBytes) / 2)
  }

  probeSent(): void {
    this.#isProbing = true
  }

  /** @returns whether datagrams may be longer now */
  probeArrived(sizeBytes: number): boolean {
    this.#isProbing = false
    this.#probesLost = 0
    if (sizeBytes <= this.datagramBytes) return false
    this.datagramBytes = sizeBytes
    return true
  }

  probeLost(sizeBytes: number): void {
    this.#isProbing = false
    if (++this.#probesLost < PROBES_MAX) return
    this.#probesLost = 0
    this.#tooLongBytes = Math.min(this.#tooLongBytes, sizeBytes)
  }

  /** Loss detection has sent this many probes without an answer. @returns whether the datagram size was reduced */
  onUnansweredProbes(backOff: number, nowMs: number): boolean {
    if (backOff < BLACK_HOLE_BACK_OFF || this.datagramBytes === DATAGRAM_BYTES_FLOOR) return false
    this.datagramBytes = this.datagramBytes > DATAGRAM_BYTES_BASE ? DATAGRAM_BYTES_BASE : DATAGRAM_BYTES_FLOOR
    this.#isProbing = false
    this.#nextAtMs = nowMs + Math.min(RAISE_MS, SEARCH_AGAIN_MS * 2 ** this.#blackHoles++)
    return true
  }
}

/** Whether both ends of a path are on this machine. */
function isOwnMachine({ local, peer }: Path): boolean {
  return isLoopback(peer.address) || local.address === peer.address
}

/** The longest datagram worth trying on a path. */
export function ceilingOf(path: Path): number {
  if (isOwnMachine(path)) return DATAGRAM_BYTES_MAX
  return path.peer.address.includes(':') ? ETHERNET_IPV6_BYTES : ETHERNET_IPV4_BYTES
}
