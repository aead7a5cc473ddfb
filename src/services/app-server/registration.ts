/**
 * Registers the site's name at a DNS server's admin port. It retries in the background until it succeeds, and registers
 * again when this machine's address changes.
 */
import { sendAdminLine } from '../dns/register.ts'
import type { Endpoint } from '../kit/endpoint.ts'
import { partsOf } from '../kit/errors.ts'
import { isLoopback, isWildcard } from '../kit/ip-address.ts'
import { sourceAddressFor } from '../kit/node/source-address.ts'
import type { Clock } from '../kit/node/clock.ts'
import { localIpv4Addresses } from '../kit/node/local-addresses.ts'

export interface RegistrationOptions {
  /** The DNS server's admin port. */
  readonly server: Endpoint
  readonly domain: string
  /** `--host`; a wildcard is replaced by the address at which others reach this machine. */
  readonly host: string
  readonly tcpPort: number
  readonly udpPort: number
  /** A file with a key shared with the DNS server. */
  readonly keyFile: string | undefined
  readonly clock: Clock
  readonly onRegistered: (address: string) => void
  /** Called after each failed attempt; the next follows by itself. */
  readonly onFailed: (sentence: string) => void
}

const RETRY_MS_MIN = 500
const RETRY_MS_MAX = 30_000
/** How often to check whether this machine's address has changed. */
const CHECK_EVERY_MS = 5_000
/** An address of a documentation network (RFC 5737), which only the default route covers. */
const OUTSIDE_ANY_LAN: Endpoint = { address: '192.0.2.1', port: 53 }

/** @returns a function that stops it */
export function keepRegistering({ server, host, clock, onRegistered, onFailed, ...record }: RegistrationOptions): () => void {
  let stopped = false
  let cancel = () => {}
  let registered: string | undefined
  const attemptIn = (ms: number, retryMs: number): void => { cancel = clock.wakeAt(clock.nowMs() + ms, () => void attempt(retryMs)) }
  const attempt = async (retryMs: number): Promise<void> => {
    try {
      const address = isWildcard(host) ? await lanAddress(server) : host
      // A machine that loses its network keeps its registration: most likely it gets the same address back.
      if (address !== registered && (registered === undefined || !isLoopback(address))) {
        await register({ server, address, ...record })
        registered = address
        if (!stopped) onRegistered(address)
      }
      if (!stopped && isWildcard(host)) attemptIn(CHECK_EVERY_MS, RETRY_MS_MIN)
    } catch (error) {
      if (stopped) return
      const { what, why } = partsOf(error)
      onFailed(`${what}: ${why}`)
      attemptIn(retryMs, Math.min(RETRY_MS_MAX, retryMs * 2))
    }
  }
  void attempt(RETRY_MS_MIN)
  return () => {
    stopped = true
    cancel()
  }
}

type Registration = Pick<RegistrationOptions, 'server' | 'domain' | 'tcpPort' | 'udpPort' | 'keyFile'> & { readonly address: string }

/**
 * The address first, then the ports (RFC 2782). REPLACE swaps an old port in one step: without an SRV record, clients
 * would try the default port.
 */
async function register({ server, domain, address, tcpPort, udpPort, keyFile }: Registration): Promise<void> {
  await sendAdminLine(server, `REGISTER ${domain} ${address}`, { keyFile })
  await sendAdminLine(server, `REPLACE _http._tcp.${domain} SRV 0 0 ${tcpPort} ${domain}`, { keyFile })
  await sendAdminLine(server, `REPLACE _rudp._udp.${domain} SRV 0 0 ${udpPort} ${domain}`, { keyFile })
}

/** The address of the interface that leads to the DNS server; if the server is this machine, that of the default route. */
async function lanAddress(server: Endpoint): Promise<string> {
  const towards = await sourceAddressFor(server)
  if (towards !== undefined && !isLoopback(towards)) return towards
  return await sourceAddressFor(OUTSIDE_ANY_LAN) ?? localIpv4Addresses().find(({ loopback }) => !loopback)?.address ?? '127.0.0.1'
}
