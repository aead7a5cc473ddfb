/**
 * The newest packets of one connection as rows of a ladder diagram, together with what this end later found out about
 * them.
 */
import { summarizeFrame, type Frame } from '../../wire/frames.ts'
import type { TraceEvent } from '../events.ts'
import type { PacketRow } from './commands.ts'
import { BoundedLog } from './bounded-log.ts'

const ROWS_KEPT = 2000
/** How much of a packet is listed; a line has no room for more. */
const FRAMES_LISTED = 4
const RANGES_LISTED = 3

export class PacketRows {
  readonly rows = new BoundedLog<PacketRow>(ROWS_KEPT)
  #receivedNumber = 0

  add(event: TraceEvent, atMs: number): void {
    if (event.kind === 'received') this.#receivedNumber = event.packet.number
    const row = rowOf(event, atMs, this.#receivedNumber)
    if (row !== undefined) this.rows.push(row)
  }
}

function rowOf(event: TraceEvent, atMs: number, receivedNumber: number): PacketRow | undefined {
  switch (event.kind) {
    case 'sent': case 'received': {
      const { packet: { type, number, frames }, sizeBytes } = event
      return { kind: event.kind, atMs, number, type, sizeBytes, frames: summarizeFrames(frames) }
    }
    case 'lost': return { kind: 'lost', atMs, number: event.number, found: event.found }
    case 'spurious': return { kind: 'late', atMs, number: event.number }
    case 'retransmitted': return { kind: 'again', atMs, number: event.number }
    case 'probe': return { kind: event.why, atMs, number: event.number }
    case 'restored': return { kind: 'restored', atMs, number: receivedNumber, bytes: `STREAM ${event.streamId} at ${event.offset}+${event.lengthBytes}` }
    case 'state': case 'window': case 'congestion': case 'datagram-size': case 'path': return undefined
  }
}

/**
 * Summarizes frames in a line. If there are many frames, or many ranges in an ACK, it lists the first ones and how many
 * more there are.
 */
function summarizeFrames(frames: readonly Frame[]): string {
  const listed = frames.slice(0, FRAMES_LISTED).map(summarizeShortly)
  return [...listed, ...andMore(frames.length - FRAMES_LISTED)].join(', ')
}

function summarizeShortly(frame: Frame): string {
  if (frame.kind !== 'ACK') return summarizeFrame(frame)
  return [summarizeFrame({ ...frame, ranges: frame.ranges.slice(0, RANGES_LISTED) }), ...andMore(frame.ranges.length - RANGES_LISTED)].join(' ')
}

function andMore(count: number): readonly string[] {
  return count > 0 ? [`and ${count} more`] : []
}
