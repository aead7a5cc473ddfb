/** Writes every datagram that passes a door into the service's trace. */
import type { Protocol, TraceRing } from '../../trace.ts'
import type { Clock } from '../clock.ts'
import type { DatagramDoor, DoorOptions } from './door.ts'

/** The door that `open` opens, with its traffic traced in both directions. */
export async function openTracedDoor(
  open: (options: DoorOptions) => Promise<DatagramDoor>, options: DoorOptions, trace: TraceRing, protocol: Protocol, clock: Clock,
): Promise<DatagramDoor> {
  const door = await open({
    ...options,
    receive(batch) {
      const nowMs = clock.nowMs()
      for (let index = 0; index < batch.count; index++) {
        const offset = batch.offsets[index] ?? 0
        const path = batch.paths[index]
        if (path !== undefined) trace.packet('in', protocol, path, batch.slab.subarray(offset, offset + (batch.lengths[index] ?? 0)), nowMs)
      }
      options.receive(batch)
    },
  })
  return {
    locals: door.locals,
    send(path, bytes) {
      trace.packet('out', protocol, path, bytes, clock.nowMs())
      door.send(path, bytes)
    },
    flush: () => door.flush(),
    pathTo: (peer, localAddress) => door.pathTo(peer, localAddress),
    close: () => door.close(),
  }
}
