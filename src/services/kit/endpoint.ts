/** Where a datagram comes from or goes to. */
import { UsageError } from './errors.ts'
import { canonicalIp, isIpAddress } from './ip-address.ts'

/** An IP address (dotted quad, or canonical IPv6 text without brackets) and a port, 0–65535. */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

/**
 * The way of a datagram: the local end it arrived at or shall leave from, and the peer.
 * A door hands out the same object for the same way, so a Path can be a key of a Map.
 */
export interface Path {
  readonly local: Endpoint
  /** Name of the interface it arrived on, '' where the system does not tell. */
  readonly interfaceName: string
  readonly peer: Endpoint
}

/** `127.0.0.1:53`, `[::1]:53`. */
export function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/**
 * Reads `IP`, `IP:PORT`, `[IPv6]:PORT` or a bare IPv6 address.
 * @param defaultPort taken where the text names none
 * @throws UsageError naming what is wrong
 */
export function parseEndpoint(text: string, defaultPort: number): Endpoint {
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(text)
  const plain = /^([^:]*)(?::(\d+))?$/.exec(text)
  const match = bracketed ?? plain
  const address = match?.[1] ?? text
  const port = match?.[2] === undefined ? defaultPort : Number(match[2])
  if (!isIpAddress(address)) throw new UsageError(`"${text}" is not an address`, `${address === '' ? 'nothing' : `"${address}"`} is no IP address`, 'write IP or IP:PORT, such as 127.0.0.1:53')
  if (port > 65535) throw new UsageError(`"${text}" is not an address`, `${port} is no port`, 'write a port from 0 to 65535')
  return { address: canonicalIp(address), port }
}
