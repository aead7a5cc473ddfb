/**
 * How long datagrams may be on this path: RFC 8899 (DPLPMTUD), as RFC 9000 §14.3 uses it. It starts with what every path passes, and
 * sends a padded probe of what it hopes for; whether probes arrive narrows the search. That a probe is lost means nothing for
 * congestion control. If long datagrams stop getting through, it begins anew from the base, and from less than that where not even
 * those do: soon, since the silence may have been a peer's that was busy, and later each time.
 *
 * Between two programs of one machine datagrams may have 60 KB: the loopback's MTU is 64 KB, and every datagram costs a system call.
 * Elsewhere nothing above Ethernet's 1,500 is tried: Linux would cut a longer datagram into fragments, and the probe prove nothing.
 */
import type { Path } from '../../kit/endpoint.ts'
import { isLoopback } from '../../kit/ip-address.ts'
import { DATAGRAM_BYTES_BASE, DATAGRAM_BYTES_MAX } from '../wire/packet.ts'

/** Ethernet's 1,500 less the headers of IP and UDP. */
const ETHERNET_IPV4_BYTES = 1472
const ETHERNET_IPV6_BYTES = 1452
/** What every host of IPv4 takes (RFC 1122 §3.3.2: 576) less the same: where nothing of 1,200 bytes gets through either. */
const DATAGRAM_BYTES_FLOOR = 548
/** RFC 8899 §5.1.2, MAX_PROBES. */
const PROBES_MAX = 3
/** The search ends when it knows the answer to so many bytes. */
const CLOSE_ENOUGH_BYTES = 20
/** RFC 8899 §5.1.1, PMTU_RAISE_TIMER: a better path may have come. */
const RAISE_MS = 600_000
/** So many probes in a row (of loss detection) without an answer, and long datagrams are under suspicion. */
const BLACK_HOLE_BACK_OFF = 3
/** The search begins anew so long after the first black hole, and doubles with each. */
const SEARCH_AGAIN_MS = 1_000

export class PathMtu {
  /** What may be sent. */
  datagramBytes = DATAGRAM_BYTES_BASE
  #ceilingBytes: number
  /** What failed. */
  #tooLongBytes: number
  #probesLost = 0
  #isProbing = false
  #nextAtMs = -Infinity
  #blackHoles = 0

  constructor(ceilingBytes: number) {
    this.#ceilingBytes = ceilingBytes
    this.#tooLongBytes = ceilingBytes + 1
  }

  /** The length that shall be tried now, or undefined. `probeSent` has to follow. */
  wanted(nowMs: number): number | undefined {
    if (this.#isProbing || nowMs < this.#nextAtMs) return undefined
    if (this.#nextAtMs > -Infinity) this.#tooLongBytes = this.#ceilingBytes + 1 // the raise timer came
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

  /** Loss detection has probed so often in vain. @returns whether datagrams have to be short again */
  inVain(backOff: number, nowMs: number): boolean {
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

/** The longest datagram that is worth trying on a path. */
export function ceilingOf(path: Path): number {
  if (isOwnMachine(path)) return DATAGRAM_BYTES_MAX
  return path.peer.address.includes(':') ? ETHERNET_IPV6_BYTES : ETHERNET_IPV4_BYTES
}
