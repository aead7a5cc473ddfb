/**
 * How the roles of one machine fit together: the settings that each service gets, derived from the mode and from the endpoints of the
 * services started before it. Start order: DNS → DHCP → application server → client.
 */
import { contractOf, type ServiceId } from '../contracts.ts'
import type { UncheckedSettings } from '../kit/contract.ts'
import { formatEndpoint, type Endpoint } from '../kit/endpoint.ts'
import { isWildcard } from '../kit/ip-address.ts'
import type { ServiceEndpoint } from '../kit/host-protocol.ts'
import type { Mode } from '../settings.ts'

export interface PlanInput {
  readonly mode: Mode
  /** This machine's address on the LAN; undefined if it has none. */
  readonly lanAddress: string | undefined
  /** The endpoints of the services that run here. */
  readonly endpoints: Readonly<Partial<Record<ServiceId, readonly ServiceEndpoint[]>>>
  /** `--host` of the DNS server that runs here. */
  readonly dnsHost: string
}

/** The settings of one role. What the user chose (`chosen`) takes precedence over what is planned. */
export function plannedSettings(id: ServiceId, input: PlanInput, chosen: UncheckedSettings): UncheckedSettings {
  return { ...defaultsFor(id, input), ...chosen }
}

function defaultsFor(id: ServiceId, input: PlanInput): UncheckedSettings {
  const host = input.mode === 'local' ? '127.0.0.1' : '0.0.0.0'
  const dns = endpointOf(input, 'dns', 'dns')
  const admin = endpointOf(input, 'dns', 'admin')
  const dhcp = endpointOf(input, 'dhcp', 'dhcp')
  switch (id) {
    case 'dns': return { host }
    // The wildcard stands for this machine's address in each client's own network, whatever that is at the time.
    case 'dhcp': return { host, ...(dns && { dns: formatEndpoint({ ...dns, address: isWildcard(input.dnsHost) ? '0.0.0.0' : dns.address }) }), ...(admin && { dns_admin_port: admin.port }) }
    case 'app-server': return { host, ...(admin && { dns: formatEndpoint(admin) }) }
    case 'client': {
      // As on any machine, the DNS server comes with the lease. Without a DHCP server here, use the DNS server that runs here.
      if (dhcp !== undefined) return { dhcp: formatEndpoint({ ...dhcp, address: '127.0.0.1' }) }
      return dns === undefined ? {} : { dns: formatEndpoint(dns) }
    }
  }
}

/** Where others can reach a service that runs here: the LAN address is preferred, and a wildcard becomes an address of this machine. */
function endpointOf({ mode, lanAddress, endpoints }: PlanInput, id: ServiceId, name: string): Endpoint | undefined {
  const candidates = (endpoints[id] ?? []).filter(endpoint => endpoint.name === name)
  const preferred = mode === 'lan' ? candidates.find(({ address }) => address === lanAddress) : undefined
  const endpoint = preferred ?? candidates[0]
  if (endpoint === undefined) return undefined
  const address = isWildcard(endpoint.address) ? (mode === 'lan' ? lanAddress : undefined) ?? '127.0.0.1' : endpoint.address
  return { address, port: endpoint.port }
}

/**
 * The alternatives to try in turn if a port is not available: the same settings with one port that the user did not choose set to any free
 * one, then the next port, and then all of them.
 */
export function withFreePorts(id: ServiceId, settings: UncheckedSettings, chosen: UncheckedSettings): UncheckedSettings[] {
  const ports = portSettings(id).filter(name => chosen[name] === undefined)
  const open = (names: readonly string[]) => ({ ...settings, ...Object.fromEntries(names.map(name => [name, 0])) })
  return [...ports.map(name => open([name])), ...(ports.length > 1 ? [open(ports)] : [])]
}

/** The settings that are the service's own ports. */
function portSettings(id: ServiceId): string[] {
  return Object.keys(contractOf(id).settings.shape).filter(name => name === 'port' || name.endsWith('_port')).filter(name => name !== 'dns_admin_port')
}
