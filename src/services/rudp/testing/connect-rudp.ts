/** A connection of its own, for tests that need one. */
import type { Endpoint } from '../../kit/endpoint.ts'
import { RudpDialer, type DialerOptions } from '../dialer.ts'
import type { RudpSocket } from '../socket.ts'

/** Its UDP socket closes when its last stream does. @throws as RudpDialer.dial */
export async function connectRudp(peer: Endpoint, options: DialerOptions): Promise<RudpSocket> {
  return new RudpDialer({ keepMs: 0, ...options }).dial(peer)
}
