/** Releases a lease, as clients other than Hamlet's do (RFC 2131 §4.4.6). There is no reply to wait for. */
import type { Endpoint } from '../../kit/endpoint.ts'
import { parseIpv4 } from '../../kit/ip-address.ts'
import { openDoor } from '../../kit/node/udp/open-door.ts'
import type { Lease } from '../client.ts'
import { encodeClientMessage, identifierOf } from '../core/client-message.ts'
import { parseMac } from '../wire/hardware-address.ts'
import { MESSAGE_TYPE } from '../wire/message.ts'

export async function releaseLease(lease: Lease, { server, mac }: { readonly server: Endpoint; readonly mac: string }): Promise<void> {
  const chaddr = parseMac(mac) ?? new Uint8Array(6)
  const door = await openDoor({ addresses: [server.address], port: 0, receive: () => undefined })
  const options = { messageType: MESSAGE_TYPE.RELEASE, serverIdentifier: parseIpv4(lease.server), clientIdentifier: identifierOf(chaddr) }
  door.send(door.pathTo(server), encodeClientMessage(chaddr, 1, 0, parseIpv4(lease.address) ?? 0, options))
  door.flush()
  await door.close()
}
