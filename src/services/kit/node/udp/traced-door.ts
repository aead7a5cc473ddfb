/** A door that writes every datagram, in both directions, to the service's trace. */
import type { Path } from '../../endpoint.ts'
import { TraceBudget } from '../../trace-budget.ts'
import type { Protocol, TraceRing } from '../../trace.ts'
import type { Clock } from '../clock.ts'
import { openDoor } from './open-door.ts'
import { REPLY_BYTES_MAX, type DatagramDoor, type DoorOptions } from './door.ts'

/** Opens a door whose traffic is traced, within the trace's budget (trace-budget.ts). @throws as openDoor */
export async function openTracedDoor(options: DoorOptions, trace: TraceRing, protocol: Protocol, clock: Clock): Promise<DatagramDoor> {
  const budget = new TraceBudget()
  const reportUntraced = (nowMs: number): void => {
    if (budget.owesCount) trace.event(protocol, { event: 'untraced', packets: budget.takeUntraced() }, nowMs)
  }
  const door = await openDoor({
    ...options,
    receive(batch) {
      const nowMs = clock.nowMs()
      const traced = budget.take(batch.count, nowMs)
      reportUntraced(nowMs)
      for (let index = 0; index < traced; index++) {
        const offset = batch.offsets[index] ?? 0
        trace.packet('in', protocol, batch.path(index), batch.slab.subarray(offset, offset + (batch.lengths[index] ?? 0)), nowMs)
      }
      options.receive(batch)
      for (let index = 0; index < traced; index++) {
        const length = batch.replyLengths[index] ?? 0
        const offset = index * REPLY_BYTES_MAX
        if (length > 0) trace.packet('out', protocol, batch.path(index), batch.replies.subarray(offset, offset + length), nowMs)
      }
    },
  })
  const traceSent = (path: Path, bytes: Uint8Array, nowMs: number): void => {
    if (budget.take(1, nowMs) === 1) trace.packet('out', protocol, path, bytes, nowMs)
  }
  return {
    locals: door.locals,
    send(path, bytes) {
      traceSent(path, bytes, clock.nowMs())
      door.send(path, bytes)
    },
    sendTrain(path, bytes, segmentBytes) {
      const nowMs = clock.nowMs()
      door.sendTrain(path, bytes, segmentBytes) // First, since a train leaves at once: the trace can wait.
      for (let at = 0; at < bytes.length; at += segmentBytes) traceSent(path, bytes.subarray(at, at + segmentBytes), nowMs)
    },
    flush: () => door.flush(),
    pathTo: (peer, localAddress) => door.pathTo(peer, localAddress),
    close: () => door.close(),
  }
}
