/** Opens a connection with a dialer of its own, for tests. */
import type { Endpoint } from '../../kit/endpoint.ts'
import { RudpDialer, type DialerOptions } from '../dialer.ts'
import type { RudpSocket } from '../socket.ts'

/** The UDP socket closes with the last stream. @throws as RudpDialer.dial */
export async function connectRudp(peer: Endpoint, options: DialerOptions): Promise<RudpSocket> {
  return new RudpDialer({ keepMs: 0, ...options }).dial(peer)
}
