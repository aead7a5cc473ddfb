/**
 * How the roles of one machine fit together: which settings each service gets, from the mode and from where the services
 * before it are reached. Start order: DNS → DHCP → application server → client.
 */
import { contractOf, type ServiceId } from '../contracts.ts'
import type { UncheckedSettings } from '../kit/contract.ts'
import { formatEndpoint, type Endpoint } from '../kit/endpoint.ts'
import { isWildcard } from '../kit/ip-address.ts'
import type { ServiceEndpoint } from '../kit/host-protocol.ts'
import type { Mode } from '../settings.ts'

export interface Surroundings {
  readonly mode: Mode
  /** This machine's address on the LAN, undefined where it has none. */
  readonly lanAddress: string | undefined
  /** Where the services that run here are reached. */
  readonly endpoints: Readonly<Partial<Record<ServiceId, readonly ServiceEndpoint[]>>>
  /** `--host` of the DNS server that runs here. */
  readonly dnsHost: string
}

/** The settings of one role. What the person chose (`chosen`) goes before what is planned. */
export function plannedSettings(id: ServiceId, surroundings: Surroundings, chosen: UncheckedSettings): UncheckedSettings {
  return { ...defaultsFor(id, surroundings), ...chosen }
}

function defaultsFor(id: ServiceId, surroundings: Surroundings): UncheckedSettings {
  const host = surroundings.mode === 'local' ? '127.0.0.1' : '0.0.0.0'
  const dns = endpointOf(surroundings, 'dns', 'dns')
  const admin = endpointOf(surroundings, 'dns', 'admin')
  const dhcp = endpointOf(surroundings, 'dhcp', 'dhcp')
  switch (id) {
    case 'dns': return { host }
    // On every address of this machine: each client is told the one of its own network, whatever it is by then.
    case 'dhcp': return { host, ...(dns && { dns: formatEndpoint({ ...dns, address: isWildcard(surroundings.dnsHost) ? '0.0.0.0' : dns.address }) }), ...(admin && { dns_admin_port: admin.port }) }
    case 'app-server': return { host, ...(admin && { dns: formatEndpoint(admin) }) }
    case 'client': {
      // As on any machine the lease tells the DNS server; without a lease of our own the DNS server that runs here is named.
      if (dhcp !== undefined) return { dhcp: formatEndpoint({ ...dhcp, address: '127.0.0.1' }) }
      return dns === undefined ? {} : { dns: formatEndpoint(dns) }
    }
  }
}

/** Where others reach a service that runs here: a wildcard or an unnamed address becomes the address of this machine. */
function endpointOf({ mode, lanAddress, endpoints }: Surroundings, id: ServiceId, name: string): Endpoint | undefined {
  const candidates = (endpoints[id] ?? []).filter(endpoint => endpoint.name === name)
  const preferred = mode === 'lan' ? candidates.find(({ address }) => address === lanAddress) : undefined
  const endpoint = preferred ?? candidates[0]
  if (endpoint === undefined) return undefined
  const address = isWildcard(endpoint.address) ? (mode === 'lan' ? lanAddress : undefined) ?? '127.0.0.1' : endpoint.address
  return { address, port: endpoint.port }
}

/**
 * What to try in turn where a port cannot be had: the same settings with one port that the person did not choose left open (any free
 * one), with the next, and with all of them.
 */
export function withFreePorts(id: ServiceId, settings: UncheckedSettings, chosen: UncheckedSettings): UncheckedSettings[] {
  const ports = portSettings(id).filter(name => chosen[name] === undefined)
  const open = (names: readonly string[]) => ({ ...settings, ...Object.fromEntries(names.map(name => [name, 0])) })
  return [...ports.map(name => open([name])), ...(ports.length > 1 ? [open(ports)] : [])]
}

/** Names of the settings that are ports of the service's own. */
function portSettings(id: ServiceId): string[] {
  return Object.keys(contractOf(id).settings.shape).filter(name => name === 'port' || name.endsWith('_port')).filter(name => name !== 'dns_admin_port')
}
