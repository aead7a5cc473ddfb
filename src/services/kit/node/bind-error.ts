/** Why a socket could not be bound, in the words a person can use. */
import type { Endpoint } from '../endpoint.ts'
import { formatEndpoint } from '../endpoint.ts'
import { HamletError } from '../errors.ts'
import { portOwner } from './port-owner.ts'

/** The lowest that Hamlet asks for by itself: allowed from there on, none of its ports needs more. */
const DNS_PORT = 53

/** The system error of a bind or listen, as a HamletError. */
export function bindError(error: NodeJS.ErrnoException, transport: 'udp' | 'tcp', endpoint: Endpoint): HamletError {
  const what = `${transport.toUpperCase()} port ${endpoint.port} on ${endpoint.address} could not be opened`
  const proof = `${error.code ?? error.message} at bind ${formatEndpoint(endpoint)}`
  switch (error.code) {
    case 'EADDRINUSE': {
      const owner = portOwner(transport, endpoint.port)
      return new HamletError({ code: 'port-taken', what, why: `port ${endpoint.port} is taken by ${owner}`, remedy: 'stop that program or choose another port (0 takes any free one)', proof }, { cause: error })
    }
    case 'EACCES':
    case 'EPERM':
      return new HamletError({
        code: 'port-not-permitted', what, why: `port ${endpoint.port} is below 1024 and needs privileges (Administrator, sudo or setcap)`,
        remedy: `choose a port from 1024 on, or allow low ports with: sudo sysctl net.ipv4.ip_unprivileged_port_start=${Math.min(endpoint.port, DNS_PORT)}`, proof,
      }, { cause: error })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EINVAL':
      return new HamletError({ code: 'address-not-local', what, why: `${endpoint.address} is not an address of this machine`, remedy: 'use 127.0.0.1, 0.0.0.0 for all interfaces, or one of this machine\'s addresses', proof }, { cause: error })
    case 'EMFILE':
    case 'ENFILE':
      return new HamletError({ code: 'refused', what, why: 'the system gives this process no more open files', remedy: 'raise that limit: ulimit -n, or LimitNOFILE of a systemd unit', proof }, { cause: error })
    default:
      return new HamletError({ code: 'internal', what, why: error.message, remedy: 'choose another address or port', proof }, { cause: error })
  }
}
