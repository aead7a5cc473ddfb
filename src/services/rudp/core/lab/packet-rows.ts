/** The newest packets of one connection as rows of a ladder diagram, and what this end found out about them, when it did. */
import { summarizeFrame, type Frame } from '../../wire/frames.ts'
import type { TraceEvent } from '../events.ts'
import type { PacketRow } from './commands.ts'
import { Newest } from './newest.ts'

const ROWS_KEPT = 2000
/** What is told of one packet: more than a line has room for nobody reads. */
const FRAMES_TOLD = 4
const RANGES_TOLD = 3

export class PacketRows {
  readonly rows = new Newest<PacketRow>(ROWS_KEPT)
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

/** In a line: of many frames, and of many ranges of an ACK, the first ones and how many more there are. */
function summarizeFrames(frames: readonly Frame[]): string {
  const told = frames.slice(0, FRAMES_TOLD).map(summarizeShortly)
  return [...told, ...andMore(frames.length - FRAMES_TOLD)].join(', ')
}

function summarizeShortly(frame: Frame): string {
  if (frame.kind !== 'ACK') return summarizeFrame(frame)
  return [summarizeFrame({ ...frame, ranges: frame.ranges.slice(0, RANGES_TOLD) }), ...andMore(frame.ranges.length - RANGES_TOLD)].join(' ')
}

function andMore(count: number): readonly string[] {
  return count > 0 ? [`and ${count} more`] : []
}
