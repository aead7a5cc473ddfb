/** Writes every datagram that passes a door into the service's trace. */
import type { Protocol, TraceRing } from '../../trace.ts'
import type { Clock } from '../clock.ts'
import { openDoor } from './open-door.ts'
import { REPLY_BYTES_MAX, type DatagramDoor, type DoorOptions } from './door.ts'

/** A door with its traffic traced in both directions. @throws as openDoor */
export async function openTracedDoor(options: DoorOptions, trace: TraceRing, protocol: Protocol, clock: Clock): Promise<DatagramDoor> {
  const door = await openDoor({
    ...options,
    receive(batch) {
      const nowMs = clock.nowMs()
      for (let index = 0; index < batch.count; index++) {
        const offset = batch.offsets[index] ?? 0
        trace.packet('in', protocol, batch.path(index), batch.slab.subarray(offset, offset + (batch.lengths[index] ?? 0)), nowMs)
      }
      options.receive(batch)
      for (let index = 0; index < batch.count; index++) {
        const length = batch.replyLengths[index] ?? 0
        const offset = index * REPLY_BYTES_MAX
        if (length > 0) trace.packet('out', protocol, batch.path(index), batch.replies.subarray(offset, offset + length), nowMs)
      }
    },
  })
  return {
    locals: door.locals,
    send(path, bytes) {
      trace.packet('out', protocol, path, bytes, clock.nowMs())
      door.send(path, bytes)
    },
    sendTrain(path, bytes, segmentBytes) {
      const nowMs = clock.nowMs()
      for (let at = 0; at < bytes.length; at += segmentBytes) trace.packet('out', protocol, path, bytes.subarray(at, at + segmentBytes), nowMs)
      door.sendTrain(path, bytes, segmentBytes)
    },
    flush: () => door.flush(),
    pathTo: (peer, localAddress) => door.pathTo(peer, localAddress),
    close: () => door.close(),
  }
}
