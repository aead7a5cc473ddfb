/** A packet in one line for a person: `SHORT #12: ACK 1-10 12, STREAM 0 at 3456+1152 FIN`. */
import { CLOSE_CODES, type Frame } from './frames.ts'
import type { Packet } from './packet.ts'

/** Names the packet, its number, and what stands in it; PADDING is left out. */
export function summarizePacket(packet: Packet): string {
  if (packet.type === 'VERSIONS') return `VERSIONS ${packet.versions.map(version => version.toString(16)).join(' ')}`
  if (packet.type === 'FOREIGN') return `a packet of version ${packet.version.toString(16)}`
  return `${packet.type} #${packet.number}: ${packet.frames.filter(({ kind }) => kind !== 'PADDING').map(summarizeFrame).join(', ')}`
}

function summarizeFrame(frame: Frame): string {
  switch (frame.kind) {
    case 'PADDING': case 'PING': case 'PARAMETERS': return frame.kind
    case 'ACK': return `ACK ${frame.ranges.map(({ first, last }) => first === last ? `${first}` : `${first}-${last}`).join(' ')}`
    case 'SETTLED': return `SETTLED ${frame.number}`
    case 'RESET_STREAM': case 'STOP_SENDING': return `${frame.kind} ${frame.streamId}`
    case 'NEW_TOKEN': case 'TOKEN': return frame.kind
    case 'STREAM': return `STREAM ${frame.streamId} at ${frame.offset}+${frame.data.length}${frame.fin ? ' FIN' : ''}`
    case 'MAX_DATA': case 'MAX_STREAMS': return `${frame.kind} ${frame.limit}`
    case 'MAX_STREAM_DATA': return `MAX_STREAM_DATA ${frame.streamId} ${frame.limit}`
    case 'PATH_CHALLENGE': case 'PATH_RESPONSE': return frame.kind
    case 'CONNECTION_CLOSE': return `CONNECTION_CLOSE ${CLOSE_CODES[frame.code] ?? frame.code}`
  }
}
