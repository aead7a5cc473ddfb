/**
 * Subnet selection: which network is the client on? A relay says so in the message. Otherwise the interface decides on
 * which the message arrived; if the system does not report that, the address of the socket or of the sender. Failing
 * these, the client may be on any network of this machine.
 */
import type { Path } from '../../kit/endpoint.ts'
import { parseIpv4, subnetContains } from '../../kit/ip-address.ts'
import type { Message } from '../wire/message.ts'
import { decodeRelayAgent } from '../wire/relay-agent.ts'
import type { ServedNetwork } from './pools.ts'

const WILDCARD = '0.0.0.0'

/**
 * @param networks all served networks
 * @returns those the client may be on, in the same order; more than one only for a broadcast of unknown origin
 */
export function selectNetworks<Served extends { readonly network: ServedNetwork }>(networks: readonly Served[], { giaddr, options }: Message, { local, interfaceName, peer }: Path): readonly Served[] {
  const holding = (address: number) => networks.filter(({ network }) => subnetContains(network.subnet, address))
  // RFC 3527: if the relay selects a link, giaddr only says where to reach the relay.
  if (giaddr !== 0) return holding(decodeRelayAgent(options.relayAgent).linkSelection ?? giaddr)
  const sender = holding(parseIpv4(peer.address) ?? 0)
  if (interfaceName !== '') {
    const local = networks.filter(({ network }) => network.interfaceName === interfaceName)
    return sender.length > 0 && sender.every(one => local.includes(one)) ? sender : local
  }
  if (local.address !== WILDCARD) return networks.filter(({ network }) => network.serverAddress !== undefined && network.serverAddress === parseIpv4(local.address))
  return sender.length > 0 ? sender : networks.filter(({ network }) => !network.loopback && network.interfaceName !== '')
}

/**
 * This machine's address as the client reaches it. Relays send by unicast, so behind a relay it is the address of the
 * socket that received the message, if that is bound to one; otherwise the first served address of this machine.
 */
export function serverAddressOf(network: ServedNetwork, { local }: Path, networks: readonly { readonly network: ServedNetwork }[]): number {
  if (network.serverAddress !== undefined) return network.serverAddress
  if (local.address !== WILDCARD) return parseIpv4(local.address) ?? 0
  return networks.find(({ network: { serverAddress, loopback } }) => serverAddress !== undefined && !loopback)?.network.serverAddress ?? 0
}
