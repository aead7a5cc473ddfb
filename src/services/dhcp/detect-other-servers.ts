/**
 * Searches the served networks for other DHCP servers, the way a client does: sends a DISCOVER without accepting any
 * offer, and an INFORM, which servers answer without probing an address first. Both go out from port 68, since servers
 * reply to no other port. Two servers that do not coordinate may lease the same address twice, and a network usually
 * has one already.
 */
import type { Path } from '../kit/endpoint.ts'
import { partsOf } from '../kit/errors.ts'
import { formatIpv4, parseIpv4 } from '../kit/ip-address.ts'
import type { Clock } from '../kit/node/clock.ts'
import type { DatagramBatch, DatagramDoor } from '../kit/node/udp/door.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import type { Random } from '../kit/random.ts'
import type { TraceRing } from '../kit/trace.ts'
import { encodeClientMessage } from './core/client-message.ts'
import type { OtherServer } from './core/other-servers.ts'
import { replyingServer } from './core/replying-server.ts'
import { PROBE_IDENTIFIER } from './wire/hamlet-options.ts'
import { MESSAGE_TYPE } from './wire/message.ts'

const SERVER_PORT = 67
const CLIENT_PORT = 68
/** When to send, counted from the start. */
const SEND_AFTER_MS = [0, 1_000, 3_000] as const
/** Some servers probe an address for three seconds before they offer it. */
const LISTEN_MS = 6_000
const SERVERS_MAX = 16

/** A served interface, and this machine's address on it. */
export interface ServedLink {
  readonly interfaceName: string
  readonly address: string
}

export interface DetectionOptions {
  readonly links: readonly ServedLink[]
  readonly mac: Uint8Array
  readonly random: Random
  readonly clock: Clock
  readonly trace: TraceRing
  /** Called with the transaction IDs that our own server must not answer. */
  readonly ignore: (xid: number) => void
  /** Called once for each server, as soon as it answers. */
  readonly onFound: (server: OtherServer) => void
}

export interface Detection {
  /** Resolves after six seconds, with the servers that answered or the reason why the search failed. */
  readonly ended: Promise<{ readonly servers: readonly OtherServer[] } | { readonly couldNotCheck: string }>
  stop(): void
}

export function detectOtherServers(options: DetectionOptions): Detection {
  let stop = () => {}
  const stopped = new Promise<void>(resolve => { stop = resolve })
  return { ended: detect(options, stopped).catch((error: unknown) => ({ couldNotCheck: partsOf(error).why })), stop }
}

async function detect({ links, mac, random, clock, trace, ignore, onFound }: DetectionOptions, stopped: Promise<void>): Promise<{ readonly servers: readonly OtherServer[] }> {
  const servers = new Map<string, OtherServer>()
  const linkOf = new Map<number, ServedLink>()
  for (const link of links) {
    const xid = random.uint32()
    linkOf.set(xid, link)
    ignore(xid)
  }
  const take = (batch: DatagramBatch) => {
    for (let index = 0; index < batch.count; index++) {
      const offset = batch.offsets[index] ?? 0
      const reply = replyingServer(batch.slab.subarray(offset, offset + (batch.lengths[index] ?? 0)))
      const link = reply === undefined ? undefined : linkOf.get(reply.xid)
      if (reply === undefined || link === undefined) continue
      const server = formatIpv4(reply.server)
      if (servers.has(server) || servers.size === SERVERS_MAX) continue
      const found = { server, interfaceName: link.interfaceName }
      servers.set(server, found)
      onFound(found)
    }
  }
  // The socket for 0.0.0.0 receives broadcasts; each of the others sends by its own interface.
  const door = await openTracedDoor({ addresses: ['0.0.0.0', ...links.map(({ address }) => address)], port: CLIENT_PORT, sharePort: true, broadcast: true, receive: take }, trace, 'dhcp', clock)
  const cancels = SEND_AFTER_MS.map(afterMs => clock.wakeAt(clock.nowMs() + afterMs, () => send(door, linkOf, mac, afterMs)))
  await Promise.race([stopped, new Promise<void>(resolve => cancels.push(clock.wakeAt(clock.nowMs() + LISTEN_MS, resolve)))])
  cancels.forEach(cancel => cancel())
  await door.close()
  return { servers: [...servers.values()] }
}

function send(door: DatagramDoor, linkOf: ReadonlyMap<number, ServedLink>, mac: Uint8Array, sinceMs: number): void {
  for (const [xid, { address }] of linkOf) {
    const path: Path = door.pathTo({ address: '255.255.255.255', port: SERVER_PORT }, address)
    const common = { clientIdentifier: PROBE_IDENTIFIER, parameterRequestList: [1] }
    door.send(path, encodeClientMessage(mac, xid, Math.floor(sinceMs / 1000), 0, { messageType: MESSAGE_TYPE.DISCOVER, ...common }))
    door.send(path, encodeClientMessage(mac, xid, 0, parseIpv4(address) ?? 0, { messageType: MESSAGE_TYPE.INFORM, ...common }))
  }
  door.flush()
}
