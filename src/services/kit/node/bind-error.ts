/** Why a socket could not be bound, and what the user can do about it. */
import type { Endpoint } from '../endpoint.ts'
import { formatEndpoint } from '../endpoint.ts'
import { HamletError } from '../errors.ts'
import { portOwner } from './port-owner.ts'

/** The lowest port that Hamlet uses by default: once ports from there on are permitted, all its ports are. */
const DNS_PORT = 53

/** Turns the system's error from bind or listen into a HamletError. */
export function bindError(error: NodeJS.ErrnoException, transport: 'udp' | 'tcp', endpoint: Endpoint): HamletError {
  const what = `${transport.toUpperCase()} port ${endpoint.port} on ${endpoint.address} could not be opened`
  const proof = `${error.code ?? error.message} at bind ${formatEndpoint(endpoint)}`
  switch (error.code) {
    case 'EADDRINUSE': {
      const owner = portOwner(transport, endpoint.port)
      return new HamletError({ code: 'port-taken', what, why: `port ${endpoint.port} is in use by ${owner}`, remedy: 'stop that program or choose another port (0 for any free one)', proof }, { cause: error })
    }
    case 'EACCES':
    case 'EPERM':
      return new HamletError({
        code: 'port-not-permitted', what, why: `port ${endpoint.port} is below 1024 and needs privileges (Administrator, sudo or setcap)`,
        remedy: `choose a port above 1023, or permit low ports with: sudo sysctl net.ipv4.ip_unprivileged_port_start=${Math.min(endpoint.port, DNS_PORT)}`, proof,
      }, { cause: error })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EINVAL':
      return new HamletError({ code: 'address-not-local', what, why: `${endpoint.address} is not an address of this machine`, remedy: 'use 127.0.0.1, 0.0.0.0 for all interfaces, or one of this machine\'s addresses', proof }, { cause: error })
    case 'EMFILE':
    case 'ENFILE':
      return new HamletError({ code: 'refused', what, why: 'the limit on open files is reached', remedy: 'raise the limit with ulimit -n, or with LimitNOFILE in a systemd unit', proof }, { cause: error })
    default:
      return new HamletError({ code: 'internal', what, why: error.message, remedy: 'choose another address or port', proof }, { cause: error })
  }
}
