/** By which of its addresses this machine reaches another. Sends nothing. */
import { createSocket } from 'node:dgram'
import { isIP } from 'node:net'
import type { Endpoint } from '../endpoint.ts'

/**
 * The local address that the system would send from: a UDP socket that is connected is bound by the route, without a datagram.
 * @returns undefined where there is no route
 */
export function sourceAddressFor({ address, port }: Endpoint): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = createSocket({ type: isIP(address) === 6 ? 'udp6' : 'udp4', lookup: (host, _options, found) => found(null, host, isIP(host)) })
    const done = (local: string | undefined) => socket.close(() => resolve(local))
    socket.once('error', () => done(undefined))
    socket.connect(port, address, (error?: Error | null) => done(error === undefined || error === null ? socket.address().address : undefined))
  })
}
