/**
 * Looks for other DHCP servers on the networks that are served, as a client does: a DISCOVER that takes nothing, and an INFORM,
 * which servers answer without a look around. From port 68, for on no other does a server answer. Two servers that do not know
 * of each other lend the same addresses twice, and a network has one that was there before.
 */
import type { Path } from '../kit/endpoint.ts'
import { partsOf } from '../kit/errors.ts'
import { formatIpv4, parseIpv4 } from '../kit/ip-address.ts'
import type { Clock } from '../kit/node/clock.ts'
import type { DatagramBatch, DatagramDoor } from '../kit/node/udp/door.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import type { Random } from '../kit/random.ts'
import type { TraceRing } from '../kit/trace.ts'
import { replyingServer } from './core/replying-server.ts'
import { encodeClientMessage } from './core/client-message.ts'
import type { OtherServer } from './core/other-servers.ts'
import { PROBE_IDENTIFIER } from './wire/hamlet-options.ts'
import { MESSAGE_TYPE } from './wire/message.ts'

const SERVER_PORT = 67
const CLIENT_PORT = 68
/** When it is asked, counted from the begin. */
const ASK_AFTER_MS = [0, 1_000, 3_000] as const
/** Some servers look for three seconds whether an address is free before they offer it. */
const LISTEN_MS = 6_000
const RIVALS_MAX = 16

/** A wire, by this machine's address on it. */
export interface Wire {
  readonly interfaceName: string
  readonly address: string
}

export interface DetectionOptions {
  readonly wires: readonly Wire[]
  readonly mac: Uint8Array
  readonly random: Random
  readonly clock: Clock
  readonly trace: TraceRing
  /** Our own server shall not answer these. */
  readonly ignore: (xid: number) => void
  /** Told of each server once, as soon as it answers. */
  readonly onFound: (rival: OtherServer) => void
}

export interface Look {
  /** Settles after six seconds: who answered, or why it could not be asked. */
  readonly ended: Promise<{ readonly rivals: readonly OtherServer[] } | { readonly couldNotCheck: string }>
  stop(): void
}

export function detectOtherServers(options: DetectionOptions): Look {
  let stop = () => {}
  const stopped = new Promise<void>(resolve => { stop = resolve })
  return { ended: look(options, stopped).catch((error: unknown) => ({ couldNotCheck: partsOf(error).why })), stop }
}

async function look({ wires, mac, random, clock, trace, ignore, onFound }: DetectionOptions, stopped: Promise<void>): Promise<{ readonly rivals: readonly OtherServer[] }> {
  const rivals = new Map<string, OtherServer>()
  const wireOf = new Map<number, Wire>()
  for (const wire of wires) {
    const xid = random.uint32()
    wireOf.set(xid, wire)
    ignore(xid)
  }
  const take = (batch: DatagramBatch) => {
    for (let index = 0; index < batch.count; index++) {
      const offset = batch.offsets[index] ?? 0
      const answer = replyingServer(batch.slab.subarray(offset, offset + (batch.lengths[index] ?? 0)))
      const wire = answer === undefined ? undefined : wireOf.get(answer.xid)
      if (answer === undefined || wire === undefined) continue
      const server = formatIpv4(answer.server)
      if (rivals.has(server) || rivals.size === RIVALS_MAX) continue
      const rival = { server, interfaceName: wire.interfaceName }
      rivals.set(server, rival)
      onFound(rival)
    }
  }
  // The wildcard hears broadcasts; the others are where questions leave from, by the right interface.
  const door = await openTracedDoor({ addresses: ['0.0.0.0', ...wires.map(({ address }) => address)], port: CLIENT_PORT, sharePort: true, broadcast: true, receive: take }, trace, 'dhcp', clock)
  const cancels = ASK_AFTER_MS.map(afterMs => clock.wakeAt(clock.nowMs() + afterMs, () => ask(door, wireOf, mac, afterMs)))
  await Promise.race([stopped, new Promise<void>(resolve => cancels.push(clock.wakeAt(clock.nowMs() + LISTEN_MS, resolve)))])
  cancels.forEach(cancel => cancel())
  await door.close()
  return { rivals: [...rivals.values()] }
}

function ask(door: DatagramDoor, wireOf: ReadonlyMap<number, Wire>, mac: Uint8Array, sinceMs: number): void {
  for (const [xid, { address }] of wireOf) {
    const path: Path = door.pathTo({ address: '255.255.255.255', port: SERVER_PORT }, address)
    const common = { clientIdentifier: PROBE_IDENTIFIER, parameterRequestList: [1] }
    door.send(path, encodeClientMessage(mac, xid, Math.floor(sinceMs / 1000), 0, { messageType: MESSAGE_TYPE.DISCOVER, ...common }))
    door.send(path, encodeClientMessage(mac, xid, 0, parseIpv4(address) ?? 0, { messageType: MESSAGE_TYPE.INFORM, ...common }))
  }
  door.flush()
}
