/** Where a datagram comes from and goes to: an endpoint is one end, a path is both. */
import { UsageError } from './errors.ts'
import { canonicalIp, isIpAddress } from './ip-address.ts'

/** An IP address (dotted quad, or canonical IPv6 text without brackets) and a port, 0–65535. */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

/**
 * The path of a datagram: the local endpoint that it arrived at or should leave from, and the peer.
 * A door returns the same object for the same path, so a Path can be the key of a Map.
 */
export interface Path {
  readonly local: Endpoint
  /** The interface it arrived on; '' if the system does not say. */
  readonly interfaceName: string
  readonly peer: Endpoint
}

/** `127.0.0.1:53`, `[::1]:53`. */
export function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/**
 * Parses `IP`, `IP:PORT`, `[IPv6]:PORT` or a bare IPv6 address.
 * @param defaultPort used if the text has none
 * @throws UsageError saying what is wrong
 */
export function parseEndpoint(text: string, defaultPort: number): Endpoint {
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(text)
  const plain = /^([^:]*)(?::(\d+))?$/.exec(text)
  const match = bracketed ?? plain
  const address = match?.[1] ?? text
  const port = match?.[2] === undefined ? defaultPort : Number(match[2])
  if (!isIpAddress(address)) throw new UsageError(`"${text}" is not an address`, address === '' ? 'it has no IP address' : `"${address}" is not an IP address`, 'write IP or IP:PORT, such as 127.0.0.1:53')
  if (port > 65535) throw new UsageError(`"${text}" is not an address`, `${port} is not a port`, 'write a port from 0 to 65535')
  return { address: canonicalIp(address), port }
}
