/**
 * Registers the site's name at a DNS server's admin port, again and again until it is done, without holding up the serving; and anew
 * where this machine has another address.
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
  /** `--host`; a wildcard is replaced by the address by which others reach this machine. */
  readonly host: string
  readonly tcpPort: number
  readonly udpPort: number
  /** A file with the key that the DNS server has too. */
  readonly keyFile: string | undefined
  readonly clock: Clock
  readonly onRegistered: (address: string) => void
  /** Called after each failure; it is tried again by itself. */
  readonly onFailed: (sentence: string) => void
}

const RETRY_MS_MIN = 500
const RETRY_MS_MAX = 30_000
/** Whether others reach this machine by another address now. */
const LOOK_EVERY_MS = 5_000
/** Belongs to a documentation network (RFC 5737), so only the default route leads there. */
const BEYOND_EVERY_LAN: Endpoint = { address: '192.0.2.1', port: 53 }

/** @returns what calls it off */
export function keepRegistering({ server, host, clock, onRegistered, onFailed, ...told }: RegistrationOptions): () => void {
  let stopped = false
  let cancel = () => {}
  let registered: string | undefined
  const attemptIn = (ms: number, retryMs: number): void => { cancel = clock.wakeAt(clock.nowMs() + ms, () => void attempt(retryMs)) }
  const attempt = async (retryMs: number): Promise<void> => {
    try {
      const address = isWildcard(host) ? await lanAddress(server) : host
      // A machine without a network keeps its name: the address most likely comes back.
      if (address !== registered && (registered === undefined || !isLoopback(address))) {
        await register({ server, address, ...told })
        registered = address
        if (!stopped) onRegistered(address)
      }
      if (!stopped && isWildcard(host)) attemptIn(LOOK_EVERY_MS, RETRY_MS_MIN)
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

/** The address first, then the ports (RFC 2782). An old one gives way to the new one in one step: without any, visitors would try the usual port. */
async function register({ server, domain, address, tcpPort, udpPort, keyFile }: Registration): Promise<void> {
  await sendAdminLine(server, `REGISTER ${domain} ${address}`, { keyFile })
  await sendAdminLine(server, `REPLACE _http._tcp.${domain} SRV 0 0 ${tcpPort} ${domain}`, { keyFile })
  await sendAdminLine(server, `REPLACE _rudp._udp.${domain} SRV 0 0 ${udpPort} ${domain}`, { keyFile })
}

/** The address of the interface that reaches the DNS server; where that is this machine itself, of the default route. */
async function lanAddress(server: Endpoint): Promise<string> {
  const towards = await sourceAddressFor(server)
  if (towards !== undefined && !isLoopback(towards)) return towards
  return await sourceAddressFor(BEYOND_EVERY_LAN) ?? localIpv4Addresses().find(({ loopback }) => !loopback)?.address ?? '127.0.0.1'
}
