/**
 * Which network a message is from. Best known is the relay's word, then the interface that it came in on; where the system does
 * not tell that, the address of the socket or of the sender; else it may be from any network of this machine.
 */
import type { Path } from '../../kit/endpoint.ts'
import { parseIpv4, subnetContains } from '../../kit/ip-address.ts'
import type { Message } from '../wire/message.ts'
import { decodeRelayAgent } from '../wire/relay-agent.ts'
import type { ServedNetwork } from './pools.ts'

const WILDCARD = '0.0.0.0'

/**
 * @param networks all that are served
 * @returns those that the message may be from, in the same order; more than one only for a broadcast of unknown origin
 */
export function selectNetworks<Served extends { readonly network: ServedNetwork }>(networks: readonly Served[], { giaddr, options }: Message, { local, interfaceName, peer }: Path): readonly Served[] {
  const holding = (address: number) => networks.filter(({ network }) => subnetContains(network.subnet, address))
  // RFC 3527: the relay says where the client is, and giaddr only how the relay is reached.
  if (giaddr !== 0) return holding(decodeRelayAgent(options.relayAgent).linkSelection ?? giaddr)
  const sender = holding(parseIpv4(peer.address) ?? 0)
  if (interfaceName !== '') {
    const near = networks.filter(({ network }) => network.interfaceName === interfaceName)
    return sender.length > 0 && sender.every(one => near.includes(one)) ? sender : near
  }
  if (local.address !== WILDCARD) return networks.filter(({ network }) => network.serverAddress !== undefined && network.serverAddress === parseIpv4(local.address))
  return sender.length > 0 ? sender : networks.filter(({ network }) => !network.loopback && network.interfaceName !== '')
}

/**
 * This machine's address as the asker reaches it. Behind a relay that is where its datagrams arrive: relays send by unicast,
 * so the socket tells; else the first address of this machine that is served.
 */
export function serverAddressOf(network: ServedNetwork, { local }: Path, networks: readonly { readonly network: ServedNetwork }[]): number {
  if (network.serverAddress !== undefined) return network.serverAddress
  if (local.address !== WILDCARD) return parseIpv4(local.address) ?? 0
  return networks.find(({ network: { serverAddress, loopback } }) => serverAddress !== undefined && !loopback)?.network.serverAddress ?? 0
}
