/** Which of its addresses this machine uses to reach another. Sends nothing. */
import { createSocket } from 'node:dgram'
import { isIP } from 'node:net'
import type { Endpoint } from '../endpoint.ts'

/**
 * The source address that the system would choose: connecting a UDP socket binds it according to the route, without sending a datagram.
 * @returns undefined if there is no route
 */
export function sourceAddressFor({ address, port }: Endpoint): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = createSocket({ type: isIP(address) === 6 ? 'udp6' : 'udp4', lookup: (host, _options, found) => found(null, host, isIP(host)) })
    const done = (local: string | undefined) => socket.close(() => resolve(local))
    socket.once('error', () => done(undefined))
    socket.connect(port, address, (error?: Error | null) => done(error === undefined || error === null ? socket.address().address : undefined))
  })
}
